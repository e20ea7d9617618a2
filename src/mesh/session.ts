/** How clients stay with the endpoint that they were sent to first. */
export type Session =
  | {
      readonly type: 'cookie';
      readonly name: string;
      /** Of the URL; '' for that of the request. */
      readonly path: string;
      /** After this time another endpoint may be chosen; missing: never. */
      readonly lifeMs?: number;
    }
  | {
      /** The client repeats the header that the first answer has. */
      readonly type: 'header';
      readonly name: string;
    };
