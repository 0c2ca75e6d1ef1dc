import type { DraftedView } from "../api/client";
import { instant } from "../model/format";
import { type Kind, useRollback } from "../queries/design";
import { Link } from "./Link";
import { Why } from "./Noted";

/** What was published, and the way back. */
export function History({ kind, file }: { kind: Kind; file: DraftedView }) {
  const rollback = useRollback(kind, file.name);
  if (file.history.length === 0) return null;
  return (
    <section>
      <h2>Published here</h2>
      <ol className="history">
        {file.history.map((each) => (
          <li key={each.id}>
            <time dateTime={each.at}>{instant(each.at)}</time> {each.by}: {each.note} <Link to={{ page: "review", number: each.id }}>{each.commit.slice(0, 10)}</Link>
            {each.branch && (
              <>
                {" "}
                on branch <code>{each.branch}</code>, to be merged
              </>
            )}{" "}
            {file.may_edit && (
              <button disabled={rollback.isPending} onClick={() => rollback.mutate(each.id)}>
                Draft the text before it
              </button>
            )}
          </li>
        ))}
      </ol>
      <Why error={rollback.error} />
    </section>
  );
}
