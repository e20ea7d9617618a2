/** Something wrong (or odd) at one field. */
export interface FieldError {
  /** Path from the object's root: `spec.http[0].route[1].weight`, `metadata.name`; '' for the object as a whole. */
  readonly field: string;
  /** A sentence for the author: what is wrong and how to mend it. */
  readonly message: string;
}
