import { useEffect, useRef, useState } from "react";

import { Refused } from "../api/client";
import { type Action, useAct, type Wish } from "../queries/letters";
import { count } from "../model/format";

const WORDS: Record<Action, { title: string; button: string; told: string }> = {
  replays: { title: "Replay", button: "Replay", told: "The next pass of the flow takes the record from the step that failed." },
  discards: { title: "Discard", button: "Discard for good", told: "Nothing is deleted; the reconciliation shows your reason." },
};

type Props = { action: Action; letters: Wish["letters"]; close: (done: boolean) => void };

/** Asks why, does it, and says why not: nothing is half done. */
export function ActionDialog({ action, letters, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const act = useAct(action);
  const [reason, setReason] = useState("");
  const [force, setForce] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const words = WORDS[action];
  const isNewer = act.error instanceof Refused && act.error.code === "LB-LET-002";
  return (
    <dialog ref={dialog} onClose={() => close(act.isSuccess)} aria-labelledby="asked">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate({ letters, reason, force }, { onSuccess: () => dialog.current?.close() });
        }}
      >
        <h2 id="asked">
          {words.title} {letters.length === 1 ? "this letter" : `${count(letters.length)} letters`}
        </h2>
        <p>{words.told}</p>
        <label>
          Reason
          <textarea required autoFocus maxLength={500} rows={3} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        {act.error && (
          <p role="alert" className="note bad">
            {act.error.message}
          </p>
        )}
        {isNewer && (
          <label className="check">
            <input type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} />
            Send the kept version all the same
          </label>
        )}
        <div className="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button className="main" disabled={act.isPending || !reason.trim()}>
            {act.isPending ? "…" : words.button}
          </button>
        </div>
      </form>
    </dialog>
  );
}
