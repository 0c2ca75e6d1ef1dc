import { useId, useState } from "react";

import type { LetterDetail } from "../api/client";
import { ActionDialog } from "../components/ActionDialog";
import { Link } from "../components/Link";
import { Noted, Why } from "../components/Noted";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { instant, money } from "../model/format";
import { type Leaf, leavesOf } from "../model/leaves";
import { UNFILTERED } from "../model/route";
import { systemOf } from "../model/way";
import { type Action, useCorrect, useLetter, useRun } from "../queries/letters";
import { useMe } from "../queries/me";

const BODIES = { document: "Document that was to be sent", canonical: "Canonical record", raw: "As the source gave it" } as const;
const EDITABLE = new Set(["raw", "document"]);

/** One dead letter: what is wrong, what is kept of it, what was done; and what can be done. */
export function LetterPage({ id }: { id: string }) {
  const query = useLetter(id);
  return (
    <main className="letter">
      <p>
        <Link to={{ page: "letters", filters: UNFILTERED }}>← Work list</Link>
      </p>
      <Shown query={query} what="the letter">
        {(letter) => <Letter letter={letter} />}
      </Shown>
    </main>
  );
}

function Letter({ letter }: { letter: LetterDetail }) {
  const { zones } = useMe();
  // of the letter as it was when somebody decided: whoever comes second is told, and reads it while the page goes on
  const [asked, setAsked] = useState<{ action: Action; letter: LetterDetail } | null>(null);
  const [wrong, setWrong] = useState<{ path: string; letter: LetterDetail } | null>(null);
  const setAction = (action: Action) => setAsked({ action, letter });
  const setPath = (path: string) => setWrong({ path, letter });
  const isOpen = letter.state === "open" && letter.may_mend;
  return (
    <>
      <header>
        <h1>{letter.title}</h1>
        <State of={letter.state} />
        {letter.money && <span className="amount">{money(letter.money)}</span>}
      </header>
      <div className="wrong">
        <p>
          <code>{letter.code}</code> {letter.message ?? letter.field}
        </p>
        <p>
          <b>Remedy:</b> {letter.remedy}
        </p>
        <MendedAt letter={letter} />
        {letter.reason && (
          <p>
            <b>Reason:</b> {letter.reason}
          </p>
        )}
        {letter.together > 1 && <p>{letter.together} open letters of this record go on together.</p>}
      </div>
      {letter.may_mend ? (
        <div className="buttons">
          {isOpen && letter.at_fault && (
            <button onClick={() => letter.at_fault && setPath(letter.at_fault)}>Correct the value at fault …</button>
          )}
          {(isOpen || letter.state === "discarded") && letter.may_mend && (
            <button className="main" disabled={wrong !== null} onClick={() => setAction("replays")}>
              Replay …
            </button>
          )}
          {isOpen && (
            <button disabled={wrong !== null} onClick={() => setAction("discards")}>
              Discard …
            </button>
          )}
          {letter.state === "replaying" && <RunNow dag={letter.dag} />}
        </div>
      ) : (
        <p className="note">Values are shown to those who may edit the DAG; they may mend it too.</p>
      )}
      <Noted kind="letter" id={letter.id} work={letter.work} mayMend={letter.may_mend} zone={zones[letter.company]} />
      {wrong && <CorrectionForm key={wrong.path} {...wrong} close={() => setWrong(null)} />}
      <Facts letter={letter} />
      <History letter={letter} />
      {(Object.keys(BODIES) as (keyof typeof BODIES)[]).map((name) => {
        const kept = letter[name];
        if (kept === null || kept === undefined) return null;
        const edit = isOpen && EDITABLE.has(name) ? setPath : null;
        return <Kept key={name} title={BODIES[name]} leaves={leavesOf(kept, name)} atFault={letter.at_fault} edit={edit} />;
      })}
      {letter.corrections.length > 0 && (
        <section>
          <h2>Corrections</h2>
          <ul>
            {letter.corrections.map((each) => (
              <li key={`${each.path} ${each.at}`}>
                <code>{each.path}</code>
                {letter.may_mend && `: ${String(each.before)} → ${String(each.after)}`} by {each.by},{" "}
                {instant(each.at, zones[letter.company])}
              </li>
            ))}
          </ul>
        </section>
      )}
      {asked && <ActionDialog action={asked.action} letters={[asked.letter]} close={() => setAsked(null)} />}
    </>
  );
}

/** The next pass takes the letter; whoever does not want to wait for it starts one. */
function RunNow({ dag }: { dag: string }) {
  const { airflow } = useMe();
  const run = useRun(airflow, dag);
  return (
    <>
      {run.isSuccess ? (
        <span role="status">A run has begun; this page shows what becomes of it.</span>
      ) : (
        <button className="main" disabled={run.isPending} onClick={() => run.mutate()}>
          Run its stage now
        </button>
      )}
      <a href={`${airflow}/dags/${encodeURIComponent(dag)}`} target="_blank" rel="noreferrer">
        {dag}
      </a>
      <Why error={run.error} />
    </>
  );
}

/** The files and pages where the remedy is done. */
function MendedAt({ letter: { mended_at } }: { letter: LetterDetail }) {
  if (mended_at.length === 0) return null;
  return (
    <ul className="places" aria-label="Where to do it">
      {mended_at.map(({ title, address }) => (
        <li key={title}>
          {address ? (
            <a href={address} target="_blank" rel="noreferrer">
              {title.includes(".") ? title : `Open ${systemOf(title.split(" ")[0] ?? "")} ${title.split(" ").slice(1).join(" ")}`.trim()}
            </a>
          ) : (
            <code>{title}</code>
          )}
        </li>
      ))}
    </ul>
  );
}

function Facts({ letter }: { letter: LetterDetail }) {
  const { zones } = useMe();
  return (
    <dl>
      <dt>Record</dt>
      <dd>
        <Link to={{ page: "follow", wanted: letter.source_key }}>{letter.source_key}</Link>
      </dd>
      <dt>Where</dt>
      <dd>
        {letter.company} · {letter.flow} · {letter.leg} · {letter.step}
      </dd>
      <dt>Field</dt>
      <dd>
        <code>{letter.field}</code>
        {letter.value !== null && (
          <>
            {" = "}
            <code>{letter.value}</code>
          </>
        )}
      </dd>
      {letter.rule && (
        <>
          <dt>Rule</dt>
          <dd>
            <code>{letter.rule}</code>
          </dd>
        </>
      )}
      <dt>Since</dt>
      <dd>
        {instant(letter.created_at, zones[letter.company])}, failed in {letter.attempt === 1 ? "one run" : `${letter.attempt} runs`}
      </dd>
      <dt>Run</dt>
      <dd>
        <a href={letter.run_page} target="_blank" rel="noreferrer">
          {letter.run_id}
        </a>
      </dd>
      <dt>Id</dt>
      <dd>
        <code>{letter.id}</code>
      </dd>
    </dl>
  );
}

function History({ letter }: { letter: LetterDetail }) {
  const { zones } = useMe();
  return (
    <section>
      <h2>What became of it</h2>
      <ol className="history">
        {letter.history.map((each) => (
          <li key={`${each.at} ${each.action}`}>
            <time dateTime={each.at}>{instant(each.at, zones[letter.company])}</time> {each.action.replaceAll("-", " ")}
            {each.by ? ` by ${each.by}` : each.run_id && ` in run ${each.run_id}`}
            {each.reason && `: ${each.reason}`}
          </li>
        ))}
      </ol>
    </section>
  );
}

type KeptProps = { title: string; leaves: Leaf[]; atFault: string | null; edit: ((path: string) => void) | null };

function Kept({ title, leaves, atFault, edit }: KeptProps) {
  return (
    <details open={leaves.some((each) => each.path === atFault)}>
      <summary>{title}</summary>
      <table className="kept">
        <tbody>
          {leaves.map(({ path, value }) => (
            <tr key={path} className={path === atFault ? "fault" : undefined}>
              <th scope="row">
                <code>{path.replace(/^\w+\./, "")}</code>
              </th>
              <td>{value === null ? <i>null</i> : String(value)}</td>
              <td>
                {edit && (
                  <button aria-label={`Correct ${path}`} onClick={() => edit(path)}>
                    Correct …
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function CorrectionForm({ letter, path, close }: { letter: LetterDetail; path: string; close: () => void }) {
  const held = leavesOf(letter.document, "document")
    .concat(leavesOf(letter.raw, "raw"))
    .find((each) => each.path === path);
  const correct = useCorrect(letter.id);
  const [value, setValue] = useState(held?.value == null ? "" : String(held.value));
  const [reason, setReason] = useState("");
  const told = useId();
  return (
    <form
      className="correction"
      onSubmit={(event) => {
        event.preventDefault();
        correct.mutate({ revision: letter.revision, path, value, reason }, { onSuccess: close });
      }}
    >
      <label>
        <code>{path}</code>
        <input autoFocus value={value} aria-describedby={told} onChange={(event) => setValue(event.target.value)} />
      </label>
      <p id={told} className={path === letter.at_fault ? "bad" : undefined}>
        {path === letter.at_fault ? `${letter.message} ${letter.remedy}` : "A replay uses what stands here then."}
      </p>
      <label>
        Reason
        <input required maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
      {correct.error && (
        <p role="alert" className="note bad">
          {correct.error.message}
        </p>
      )}
      <div className="buttons">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button className="main" disabled={correct.isPending || !reason.trim()}>
          Keep the correction
        </button>
      </div>
    </form>
  );
}
