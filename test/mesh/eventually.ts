/** Tries again every 50 ms until `attempt` does not throw; its last error after `limitMs`. */
export async function eventually<T>(attempt: () => Promise<T> | T, limitMs = 15_000): Promise<T> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
