import { type ReactNode, useId, useState } from "react";

import type { Work } from "../api/client";
import { instant } from "../model/format";
import { useMe } from "../queries/me";
import { type Kind, useAssign, useComment, useTag } from "../queries/work";

type Props = { kind: Kind; id: string | number; work: Work; mayMend: boolean; zone?: string | undefined };

/** Who has an entry of the work list, its tags, and what people say of it; and the ways to change that. */
export function Noted({ kind, id, work, mayMend, zone }: Props) {
  return (
    <section className="noted" aria-label="Notes">
      <Assignee kind={kind} id={id} work={work} mayMend={mayMend} />
      {mayMend && (
        <>
          <Tags kind={kind} id={id} work={work} />
          <Comments kind={kind} id={id} work={work} zone={zone} />
        </>
      )}
    </section>
  );
}

/** The same in a row of a list: folded, but for who has it. */
export function NotedInRow(props: Props) {
  const { work, mayMend } = props;
  if (!mayMend) return <>{work.assignee ?? "–"}</>;
  return (
    <details className="inrow">
      <summary>
        {work.assignee ?? "nobody"}
        {work.tags.map((each) => (
          <span key={each} className="chip">
            {each}
          </span>
        ))}
        {work.comments.length > 0 && <span className="quiet"> · {work.comments.length} said</span>}
      </summary>
      <Noted {...props} />
    </details>
  );
}

type Part = Omit<Props, "zone" | "mayMend">;

function Assignee({ kind, id, work, mayMend }: Part & { mayMend: boolean }) {
  const { name, people } = useMe();
  const assign = useAssign();
  const [other, setOther] = useState<string | null>(null);
  const known = useId();
  const give = (to: string | null) => assign.mutate({ kind, seen: { [id]: work.assignee }, to }, { onSuccess: () => setOther(null) });
  return (
    <div className="buttons">
      <span>{work.assignee ? `With ${work.assignee === name ? "you" : work.assignee}` : "With nobody"}</span>
      {mayMend && (
        <>
          {work.assignee !== name && (
            <button disabled={assign.isPending} onClick={() => give(name)}>
              Take it on
            </button>
          )}
          {work.assignee && (
            <button disabled={assign.isPending} onClick={() => give(null)}>
              Give it back
            </button>
          )}
          {other === null ? (
            <button onClick={() => setOther("")}>Give it to …</button>
          ) : (
            <form
              className="inline"
              onSubmit={(event) => {
                event.preventDefault();
                give(other.trim());
              }}
            >
              <input autoFocus required aria-label="User" list={known} maxLength={255} value={other} onChange={(event) => setOther(event.target.value)} />
              <datalist id={known}>
                {people.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
              <button disabled={!other.trim() || assign.isPending}>Give</button>
              <button type="button" onClick={() => setOther(null)}>
                Cancel
              </button>
            </form>
          )}
        </>
      )}
      <Why error={assign.error} />
    </div>
  );
}

function Tags({ kind, id, work }: Part) {
  const tag = useTag();
  const [typed, setTyped] = useState("");
  const seen = { [id]: work.assignee };
  return (
    <form
      className="buttons"
      onSubmit={(event) => {
        event.preventDefault();
        tag.mutate({ kind, seen, add: [typed.trim()] }, { onSuccess: () => setTyped("") });
      }}
    >
      {work.tags.map((each) => (
        <span key={each} className="chip">
          {each}{" "}
          <button type="button" className="plain" aria-label={`Remove the tag ${each}`} onClick={() => tag.mutate({ kind, seen, remove: [each] })}>
            ×
          </button>
        </span>
      ))}
      <input aria-label="Tag" placeholder="tag" size={12} maxLength={32} pattern="[\w\-]+" title="One word" value={typed} onChange={(event) => setTyped(event.target.value)} />
      <button disabled={!typed.trim() || tag.isPending}>Add the tag</button>
      <Why error={tag.error} />
    </form>
  );
}

function Comments({ kind, id, work, zone }: Part & { zone: string | undefined }) {
  const comment = useComment(kind, String(id));
  const [text, setText] = useState("");
  return (
    <>
      {work.comments.length > 0 && (
        <ol className="history">
          {work.comments.map((each) => (
            <li key={`${each.at} ${each.by}`}>
              <time dateTime={each.at}>{instant(each.at, zone)}</time> {each.by}: {each.text}
            </li>
          ))}
        </ol>
      )}
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          comment.mutate(text.trim(), { onSuccess: () => setText("") });
        }}
      >
        <input className="grows" aria-label="Comment" placeholder="What others should know" maxLength={2000} value={text} onChange={(event) => setText(event.target.value)} />
        <button disabled={!text.trim() || comment.isPending}>Say it</button>
        <Why error={comment.error} />
      </form>
    </>
  );
}

/** Why something was not done. */
export function Why({ error }: { error: Error | null }): ReactNode {
  return (
    error && (
      <p role="alert" className="note bad">
        {error.message}
      </p>
    )
  );
}
