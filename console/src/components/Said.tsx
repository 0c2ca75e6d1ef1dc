import { useState } from "react";

import type { Review } from "../api/client";
import { instant } from "../model/format";
import { useSay } from "../queries/reviews";
import { Why } from "./Noted";

/** What people say of a draft, and a way to say something. */
export function Said({ number, version, comments, isOpen }: { number: number; version: number; comments: Review["comments"]; isOpen: boolean }) {
  const [text, setText] = useState("");
  const say = useSay(number);
  return (
    <section aria-label="What is said of it">
      {comments.length > 0 && (
        <ol className="history">
          {comments.map((each) => (
            <li key={`${each.at} ${each.by}`}>
              <time dateTime={each.at}>{instant(each.at)}</time> <b>{each.by}</b>: {each.text}
              {each.version < version && <small> of the draft as it was {version - each.version} changes ago</small>}
            </li>
          ))}
        </ol>
      )}
      {isOpen && (
        <form
          className="buttons"
          onSubmit={(event) => {
            event.preventDefault();
            say.mutate(text, { onSuccess: () => setText("") });
          }}
        >
          <input required className="grows" aria-label="Say something of the draft" placeholder="what you think of it" maxLength={2000} value={text} onChange={(event) => setText(event.target.value)} />
          <button disabled={!text.trim() || say.isPending}>Say it</button>
          <Why error={say.error} />
        </form>
      )}
    </section>
  );
}
