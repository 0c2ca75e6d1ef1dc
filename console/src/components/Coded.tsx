import { Fragment } from "react";

/** A sentence of which what stands between backticks is code. */
export function Coded({ text }: { text: string }) {
  return text.split("`").map((each, at) => (at % 2 === 1 ? <code key={at}>{each}</code> : <Fragment key={at}>{each}</Fragment>));
}
