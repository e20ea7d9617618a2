// Splits a command line into words as a shell would, without any of a shell's expansion: spaces separate, single
// and double quotes and the backslash protect.

/** The words, or a sentence that says what is wrong. */
export function splitWords(text: string): readonly string[] | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(text, i);
      if (quoted === undefined) return { problem: `a ${char} is opened and never closed` };
      word = (word ?? '') + quoted.text;
      i = quoted.end;
    } else if (char === '\\') {
      if (i + 1 >= text.length) return { problem: 'a backslash at the end protects nothing' };
      word = (word ?? '') + text[++i];
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

// Within double quotes a backslash protects only what would otherwise mean something there (POSIX shell, 2.2.3).
function readQuoted(text: string, start: number): { text: string; end: number } | undefined {
  const quote = text[start];
  let out = '';
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === quote) return { text: out, end: i };
    if (char === '\\' && quote === '"' && /["\\$`]/.test(text[i + 1] ?? '')) out += text[++i];
    else out += char;
  }
  return undefined;
}
