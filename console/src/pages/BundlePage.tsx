import { useState } from "react";

import type { Bundle } from "../api/client";
import { Diff } from "../components/Diff";
import { Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { Tried } from "../components/Tried";
import { count, instant } from "../model/format";
import { useBundle, useGoBack, useStart } from "../queries/bundles";
import { useMe } from "../queries/me";

/** One bundle: what it changes, what it would have changed, who approves it, and the way back. */
export function BundlePage({ number }: { number: number }) {
  const query = useBundle(number);
  return (
    <main>
      <p>
        <Link to={{ page: "bundles" }}>← Promotion</Link>
      </p>
      <Shown query={query} what="the bundle">
        {(bundle) => <Told bundle={bundle} />}
      </Shown>
    </main>
  );
}

function Told({ bundle }: { bundle: Bundle }) {
  return (
    <>
      <h1 className="heading">
        Bundle {bundle.id} <State of={bundle.state} />
      </h1>
      <p>
        Packed by {bundle.packed_by}
        {bundle.environment && ` in ${bundle.environment}`} {instant(bundle.packed_at)}; offered by {bundle.offered_by} {instant(bundle.offered_at)}
        {bundle.said_by && bundle.said_at && `; ${bundle.state === "rejected" ? "rejected" : "approved"} by ${bundle.said_by} ${instant(bundle.said_at)}`}
        {bundle.applied_at && `; live ${instant(bundle.applied_at)}`}
        {bundle.undone_at && `; taken back by ${bundle.undone_by} ${instant(bundle.undone_at)}`}.
      </p>
      <p className="quiet">
        SHA-256 <code>{bundle.sha256}</code>
      </p>
      {bundle.refused && (
        <p role="alert" className="note bad">
          {bundle.refused}
        </p>
      )}
      <Next bundle={bundle} />
      {bundle.problems.length > 0 && (
        <section>
          <h2>What is wrong with it here</h2>
          {bundle.problems.map((each) => (
            <p key={each} className="note bad">
              {each}
            </p>
          ))}
        </section>
      )}
      {bundle.tried && (
        <section className="card">
          <h2>What it would have changed</h2>
          <Tried trial={bundle.tried} />
        </section>
      )}
      <section>
        <h2>{bundle.files.length === 1 ? "One file" : `${count(bundle.files.length)} files`} changed</h2>
        {bundle.files.map((each) => (
          <details key={each.name} open={bundle.files.length <= 3}>
            <summary>
              <code>{each.name}</code> {each.how}
            </summary>
            {each.diff.length > 0 ? <Diff lines={each.diff} label={`Changed lines of ${each.name}`} /> : <p className="padded quiet">It is blank.</p>}
          </details>
        ))}
      </section>
    </>
  );
}

/** What comes next, and the way back. */
function Next({ bundle }: { bundle: Bundle }) {
  const { airflow, name } = useMe();
  const start = useStart(airflow, bundle.id);
  const back = useGoBack(bundle.id);
  const [sure, setSure] = useState(false);
  const isOwn = [bundle.packed_by, bundle.offered_by].some((each) => each.toLowerCase() === name.toLowerCase());
  return (
    <div className="buttons">
      {bundle.may_start && !bundle.refused && ["offered", "checked", "failed"].includes(bundle.state) && (
        <button className={bundle.approval ? undefined : "main"} disabled={start.isPending} onClick={() => start.mutate()}>
          {bundle.run ? "Check it again" : "Check it, and ask for approval"}
        </button>
      )}
      {start.isSuccess && bundle.state === "offered" && <span role="status">Airflow checks it.</span>}
      {bundle.approval &&
        (isOwn ? (
          <span>You packed or offered it: somebody else approves it.</span>
        ) : !bundle.may_approve ? (
          <span>{bundle.approvers.length > 0 ? `Asked to approve it: ${bundle.approvers.join(", ")}.` : "Others are asked to approve it."}</span>
        ) : (
          <a href={bundle.approval} target="_blank" rel="noreferrer">
            Approve or reject it in Airflow
          </a>
        ))}
      {bundle.run && (
        <a href={bundle.run} target="_blank" rel="noreferrer">
          Its run in Airflow
        </a>
      )}
      {bundle.may_go_back &&
        (sure ? (
          <>
            <button className="main" disabled={back.isPending} onClick={() => back.mutate()}>
              Take it back: the files are as before at once
            </button>
            <button onClick={() => setSure(false)}>Leave it live</button>
          </>
        ) : (
          <button onClick={() => setSure(true)}>Take it back …</button>
        ))}
      <Why error={start.error ?? back.error} />
    </div>
  );
}
