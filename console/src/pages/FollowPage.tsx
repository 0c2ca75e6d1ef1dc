import { useState } from "react";

import { Refused, type Step, type Way } from "../api/client";
import { go, Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { instant, money } from "../model/format";
import { leavesOf } from "../model/leaves";
import { namesOf, stagesOf } from "../model/way";
import { useMe } from "../queries/me";
import { useEvidence, useHits, usePayloads, useWays } from "../queries/ways";

/** The way of a document: what each system holds of it, in the order of the process. */
export function FollowPage({ wanted }: { wanted: string }) {
  const [typed, setTyped] = useState(wanted);
  const query = useWays(wanted);
  return (
    <main>
      <form
        className="bar"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          go({ page: "follow", wanted: typed.trim() });
        }}
      >
        <label className="wide">
          <span className="unseen">Id, number, name or amount</span>
          <input
            type="search"
            autoFocus={wanted === ""}
            placeholder="Order, document number or id in any system, charge, payout, a part of a name, an amount, a customer’s or vendor’s name"
            maxLength={250}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <button className="main" disabled={!typed.trim()}>
          Follow
        </button>
      </form>
      {wanted === "" ? (
        <p className="note">Type what you have of it: #1001, INV-0042, a charge from the gateway, Harbor Light, 1,234.50 USD.</p>
      ) : isUnknown(query.error) ? (
        <Hits wanted={wanted} />
      ) : (
        <Shown query={query} what="its way">
          {(ways) => ways.map((way) => <WayView key={way.company} way={way} wanted={wanted} several={ways.length > 1} />)}
        </Shown>
      )}
    </main>
  );
}

function isUnknown(error: Error | null): boolean {
  return error instanceof Refused && error.code === "LB-AUD-003";
}

/** What bears a part of the name, begins with the number, is about the amount, or tells of whom it names. */
function Hits({ wanted }: { wanted: string }) {
  const { zones } = useMe();
  const query = useHits(wanted);
  return (
    <Shown query={query} what="what may be meant">
      {(hits) =>
        hits.length === 0 ? (
          <p className="note">Nothing that you may see is called “{wanted}”, begins with it in its number, is about that amount, or tells of anybody called so.</p>
        ) : (
          <table>
            <caption>Not known exactly; it may be one of these, the newest first.</caption>
            <thead>
              <tr>
                <th scope="col">Name or number</th>
                <th scope="col">What</th>
                <th scope="col" className="number">
                  Money
                </th>
                <th scope="col">State</th>
                <th scope="col">Touched</th>
              </tr>
            </thead>
            <tbody>
              {hits.map((each) => (
                <tr key={`${each.company} ${each.wanted}`}>
                  <th scope="row">
                    <Link to={{ page: "follow", wanted: each.wanted }}>{each.title}</Link>
                    <small>{each.company}</small>
                  </th>
                  <td>{each.entity ? namesOf(each.entity).join(" ") : each.leg.replaceAll("_", " ")}</td>
                  <td className="number">{each.money ? money(each.money) : "–"}</td>
                  <td>
                    <State of={each.state} />
                  </td>
                  <td>{instant(each.at, zones[each.company])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Shown>
  );
}

function WayView({ way, wanted, several }: { way: Way; wanted: string; several: boolean }) {
  return (
    <article>
      <header className="heading">
        <h1>{way.title}</h1>
        {several && <span>{way.company}</span>}
        <small>{way.keys.join(" · ")}</small>
      </header>
      <Evidence company={way.company} wanted={wanted} values={way.steps.every((step) => step.may_mend)} />
      <ol className="way">
        {stagesOf(way).map(({ flow, stage, steps }) => (
          <li key={`${flow} ${stage}`}>
            <h2>{stage || flow}</h2>
            {steps.map((step) => (
              <StepView key={step.leg} step={step} company={way.company} wanted={wanted} />
            ))}
          </li>
        ))}
      </ol>
    </article>
  );
}

function Evidence({ company, wanted, values }: { company: string; wanted: string; values: boolean }) {
  const evidence = useEvidence(company, wanted);
  return (
    <div className="buttons">
      <button disabled={evidence.isPending} onClick={() => evidence.mutate()}>
        {evidence.isPending ? "Verifying the trail …" : values ? "Take the evidence" : "Take the evidence, without values"}
      </button>
      {!values && <span>Values are shown to those who may edit the DAGs, and are in the evidence that they take.</span>}
      {evidence.error && (
        <p role="alert" className="note bad">
          {evidence.error.message}
        </p>
      )}
    </div>
  );
}

type StepProps = { step: Step; company: string; wanted: string };

function StepView({ step, company, wanted }: StepProps) {
  return (
    <section className="card">
      {step.documents.map((each) => {
        const [system, name] = namesOf(each.entity);
        return (
          <div key={each.record_key} className="document">
            <h3>
              <b>{system}</b> {name}
            </h3>
            <p>
              <span className="name">
                {each.page ? (
                  <a href={each.page} target="_blank" rel="noreferrer" title={`See it in ${system}`}>
                    {each.number ?? each.target_id}
                  </a>
                ) : (
                  (each.number ?? each.target_id ?? each.record_key)
                )}
              </span>{" "}
              <State of={each.state} />
            </p>
            <p>
              {each.day && `${each.what} ${each.day}`}
              {each.money && <span className="amount">{money(each.money)}</span>}
            </p>
            {each.reason && each.state !== "delivered" && <p className="bad">{each.reason}</p>}
          </div>
        );
      })}
      {step.documents.length === 0 && (
        <>
          <h3>{step.leg.replaceAll("_", " ")}</h3>
          {step.records.map((each) => (
            <p key={each.source_key}>
              <State of={each.outcome} /> {each.reason}
            </p>
          ))}
        </>
      )}
      {step.letters.map((each) => (
        <p key={each.id}>
          <Link to={{ page: "letter", id: each.id }}>
            {each.code} {each.field}
          </Link>{" "}
          <State of={each.state} /> {each.message}
        </p>
      ))}
      <Details step={step} company={company} wanted={wanted} />
    </section>
  );
}

function Details({ step, company, wanted }: StepProps) {
  const { zones } = useMe();
  return (
    <details>
      <summary>{step.leg.replaceAll("_", " ")}</summary>
      {step.booked.map((each) => (
        <table key={`${each.ledger} ${each.number} ${each.kind}`} className="kept">
          <caption>
            Booked {each.booked_on} in {namesOf(each.ledger)[0]}: {each.kind.replaceAll("_", " ")} {each.number}
          </caption>
          <tbody>
            {Object.entries(each.effects ?? {}).map(([account, amount]) => (
              <tr key={account}>
                <th scope="row">{account}</th>
                <td className="number">{money({ amount, currency: "" })}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
      <dl>
        {step.records.map((each) => (
          <div key={each.source_key}>
            <dt>made of</dt>
            <dd>
              {each.label ?? ""} <code>{each.source_key}</code>
            </dd>
          </div>
        ))}
        {step.documents.map((each) => (
          <div key={each.record_key}>
            <dt>id, run</dt>
            <dd>
              <code>{each.target_id ?? "–"}</code>{" "}
              <a href={each.run_page} target="_blank" rel="noreferrer">
                {each.attempts === 1 ? "one try" : `${each.attempts} tries`}
              </a>{" "}
              <a href={each.run} target="_blank" rel="noreferrer">
                its run in Airflow
              </a>
            </dd>
          </div>
        ))}
      </dl>
      {step.may_mend && <Payloads step={step} company={company} wanted={wanted} />}
      <ol className="history">
        {step.events.map((each) => (
          <li key={`${each.at} ${each.action} ${each.run_id}`}>
            <time dateTime={each.at}>{instant(each.at, zones[company])}</time> {each.action.replaceAll("-", " ")}
            {each.by && ` by ${each.by}`}
            {each.reason && `: ${each.reason}`}
          </li>
        ))}
      </ol>
    </details>
  );
}

const WHAT = { read: "Read", understood: "Understood", sent: "Sent" };

/** What the step read, understood and sent, value by value, once somebody asks. */
function Payloads({ step: { flow, leg }, company, wanted }: StepProps) {
  const payloads = usePayloads();
  if (payloads.data === undefined)
    return (
      <>
        <button disabled={payloads.isPending} onClick={() => payloads.mutate({ company, wanted, flow, leg })}>
          Show what was read and sent
        </button>
        <small>The audit notes who looked.</small>
        {payloads.error && (
          <p role="alert" className="note bad">
            {payloads.error.message}
          </p>
        )}
      </>
    );
  if (payloads.data.length === 0) return <p>What was read and sent has been purged.</p>;
  return payloads.data.map((each) => (
    <table key={`${each.what} ${each.key}`} className="kept">
      <caption>
        {WHAT[each.what]}: {namesOf(each.entity).join(" ")}
      </caption>
      <tbody>
        {leavesOf(each.content, "").map(({ path, value }) => (
          <tr key={path}>
            <th scope="row">{path.slice(1)}</th>
            <td>{value === null ? "–" : String(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  ));
}
