import { useState } from "react";

import { go, Link } from "../components/Link";
import { count, instant } from "../model/format";
import { ALL_OF_AUDIT, type Asked } from "../model/route";
import { useAudit, useVerification } from "../queries/health";
import { useMe } from "../queries/me";

type Props = { asked: Asked };

/** Who did what, and whether the chain holds. */
export function AuditPage({ asked: { by, record, from, to, all } }: Props) {
  const asked = { by, record, from, to, all };
  const [typed, setTyped] = useState(asked);
  return (
    <main>
      <h1 className="unseen">Audit</h1>
      <form
        className="bar"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          go({ page: "audit", ...typed, by: typed.by.trim(), record: typed.record.trim() });
        }}
      >
        <label>
          Person
          <input value={typed.by} maxLength={250} onChange={(event) => setTyped({ ...typed, by: event.target.value })} />
        </label>
        <label>
          Record key
          <input value={typed.record} maxLength={250} onChange={(event) => setTyped({ ...typed, record: event.target.value })} />
        </label>
        <label>
          From
          <input type="date" value={typed.from} max={typed.to} onChange={(event) => setTyped({ ...typed, from: event.target.value })} />
        </label>
        <label>
          To
          <input type="date" value={typed.to} min={typed.from} onChange={(event) => setTyped({ ...typed, to: event.target.value })} />
        </label>
        <label className="check">
          <input type="checkbox" checked={all} onChange={(event) => go({ page: "audit", ...asked, all: event.target.checked })} />
          also what runs did by themselves
        </label>
        <button className="main">Show</button>
      </form>
      <Verification />
      <Entries asked={asked} />
    </main>
  );
}

function Verification() {
  const verification = useVerification();
  const { data, error, isPending } = verification;
  return (
    <div className="buttons">
      <button disabled={isPending} onClick={() => verification.mutate()}>
        {isPending ? "Walking the chain …" : "Verify the chain now"}
      </button>
      {data && (
        <p role="status" className={data.broken ? "note bad" : "note good"}>
          {data.broken ?? `All ${count(data.entries)} entries hold${data.signed ? ", signed" : ""}; ${count(data.anchors)} anchors agree.`}{" "}
          <code>{data.hash.slice(0, 16)}…</code>
        </p>
      )}
      {error && (
        <p role="alert" className="note bad">
          {error.message}
        </p>
      )}
    </div>
  );
}

function Entries({ asked }: Props) {
  const { zones } = useMe();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useAudit(asked);
  if (error)
    return (
      <div role="alert" className="note bad">
        <p>{error.message}</p>
        <button onClick={() => void refetch()}>Try again</button>
      </div>
    );
  if (data === undefined)
    return (
      <p role="status" className="note">
        Loading the audit …
      </p>
    );
  const entries = data.pages.flatMap((each) => each.entries);
  if (entries.length === 0) return <p className="note">Nobody did anything of that kind.</p>;
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col" className="number">
              Entry
            </th>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Of</th>
            <th scope="col">By means of</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((each) => (
            <tr key={each.number}>
              <td className="number" title={each.hash}>
                {each.number}
              </td>
              <td>{instant(each.at, zones[each.company])}</td>
              <td>{each.by ? <Link to={{ page: "audit", ...asked, by: each.by }}>{each.by}</Link> : "–"}</td>
              <td>{each.action.replaceAll("-", " ")}</td>
              <td>
                <Link to={{ page: "audit", ...ALL_OF_AUDIT, record: each.record_key, all: true }}>{each.record_key}</Link>
                <small>{each.entity}</small>
              </td>
              <td>
                {each.task}
                <small>{each.run_id}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasNextPage && (
        <div className="pager">
          <button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show earlier ones
          </button>
        </div>
      )}
    </>
  );
}
