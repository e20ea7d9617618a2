// What the services answer, as the page reads it.

/** An answer of another service, or none. */
export interface Fetched<T> {
  readonly status: number;
  readonly value: T | undefined;
}

/** Stars of one reader; where they cannot be had, the reason in their place. */
export interface Stars {
  readonly stars?: number;
  readonly color?: string;
  readonly error?: string;
}

export interface ReviewsAnswer {
  readonly version: string;
  readonly podname: string;
  readonly reviews: readonly { readonly reviewer: string; readonly text: string; readonly rating?: Stars }[];
}

export type DetailsAnswer = Readonly<Record<string, unknown>>;
