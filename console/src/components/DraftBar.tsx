import { useState } from "react";

import type { DraftedView } from "../api/client";
import { instant } from "../model/format";
import { type Kind, useGiveUp, usePublish, useTry } from "../queries/design";
import { Clashes } from "./Clashes";
import { Diff } from "./Diff";
import { Link } from "./Link";
import { Why } from "./Noted";
import { Said } from "./Said";
import { Tried } from "./Tried";

/** A draft, and what is done with it: look at the change, try it, publish it, give it up. */
export function DraftBar({ kind, file, begin }: { kind: Kind; file: DraftedView; begin: string }) {
  const { draft, name } = file;
  const [days, setDays] = useState(7);
  const [note, setNote] = useState("");
  const attempt = useTry(kind, name);
  const publish = usePublish(kind, name);
  const giveUp = useGiveUp(kind, name);
  if (draft === null) return <p className="note">This is live. {begin}: the change is a draft of yours until you publish it.</p>;
  return (
    <section className="card draft" aria-label="Draft">
      <h2>
        Your draft <span className="quiet">changed {instant(draft.changed_at)}</span>
      </h2>
      {draft.is_behind && <Clashes kind={kind} file={file} seen={draft.version} />}
      {draft.diff.length > 0 ? (
        <details open>
          <summary>What it changes</summary>
          <Diff lines={draft.diff} label="Changed lines" />
          <p className="padded">
            <Link to={{ page: "review", number: draft.id }}>As a picture, for whoever reviews it</Link>
          </p>
        </details>
      ) : (
        <p className="quiet">It changes nothing yet.</p>
      )}
      <Said number={draft.id} version={draft.version} comments={draft.comments} isOpen />
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          attempt.mutate(days);
        }}
      >
        <label>
          Try it on the last{" "}
          <input type="number" min={1} max={400} value={days} onChange={(event) => setDays(Number(event.target.value))} /> days
        </label>
        <button disabled={attempt.isPending}>{attempt.isPending ? "Trying …" : "Try"}</button>
      </form>
      <Why error={attempt.error} />
      {attempt.data && <Tried trial={attempt.data} />}
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          publish.mutate({ seen: draft.version, note }, { onSuccess: () => setNote("") });
        }}
      >
        <input required className="grows" aria-label="Why" placeholder="Why: the commit's message" maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
        <button className="main" disabled={!note.trim() || draft.diff.length === 0 || publish.isPending}>
          {file.publishes === "straight" ? "Publish: it is live then" : "Publish on a branch"}
        </button>
        <button type="button" disabled={giveUp.isPending} onClick={() => giveUp.mutate(draft.version)}>
          Give the draft up
        </button>
      </form>
      <Why error={publish.error ?? giveUp.error} />
    </section>
  );
}
