import { lazy } from "react";

import type { Review } from "../api/client";
import { ChangePicture } from "../components/ChangePicture";
import { Diff } from "../components/Diff";
import { Link } from "../components/Link";
import { Said } from "../components/Said";
import { Shown } from "../components/Shown";
import { instant } from "../model/format";
import type { Route } from "../model/route";
import { useReview } from "../queries/reviews";

// what draws is loaded by those who look at a drawing
const FlowPicture = lazy(() => import("../components/flow/FlowPicture"));

/** Somebody's draft: what it changes as picture and as text, and what people say of it. */
export function ReviewPage({ number }: { number: number }) {
  const query = useReview(number);
  return (
    <main className="review">
      <Shown query={query} what="the draft">
        {(review) => <Draft review={review} />}
      </Shown>
    </main>
  );
}

function Draft({ review }: { review: Review }) {
  const { id, name, kind, by, state, version, changed_at, note, diff, comments, changes, may_comment } = review;
  return (
    <>
      <p>
        <Link to={placeOf(review)}>← {name.replaceAll("_", " ")}</Link>
      </p>
      <h1 className="heading">
        {by}'s draft of the {WORDS[kind] ?? kind} {name.replaceAll("_", " ")}
      </h1>
      <p className="quiet">
        {state === "open" ? "Under way" : state}, changed {instant(changed_at)}. {note}
      </p>
      <section aria-labelledby="picture">
        <h2 id="picture">What it changes</h2>
        {kind === "flows" ? <FlowPicture review={review} /> : <ChangePicture changes={changes} />}
      </section>
      <section aria-labelledby="lines">
        <h2 id="lines">As text</h2>
        {diff.length > 0 ? <Diff lines={diff} label="Changed lines" /> : <p className="quiet">It changes nothing yet.</p>}
      </section>
      <section>
        <h2>What is said of it</h2>
        {may_comment ? <Said number={id} version={version} comments={comments} isOpen={state === "open"} /> : <p className="note">Those see it, and say something, who may edit the DAGs of all legs that use the file.</p>}
      </section>
    </>
  );
}

function placeOf({ kind, name }: Review): Route {
  return { page: WORDS[kind] ?? "mapping", name };
}

const WORDS: Record<string, "flow" | "mapping" | "gate" | "table"> = { flows: "flow", mappings: "mapping", expectations: "gate", lookups: "table" };
