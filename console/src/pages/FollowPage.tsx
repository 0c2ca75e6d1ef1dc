import { useState } from "react";

import type { Step, Way } from "../api/client";
import { go, Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { instant, money } from "../model/format";
import { namesOf, stagesOf } from "../model/way";
import { useMe } from "../queries/me";
import { useEvidence, useWays } from "../queries/ways";

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
          <span className="unseen">Id, number or name</span>
          <input
            type="search"
            autoFocus={wanted === ""}
            placeholder="Order name, document number or id in any system, charge, payout, journal entry"
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
        <p className="note">Type what you have of it: #1001, INV-0042, a charge from the gateway, a number of either ledger.</p>
      ) : (
        <Shown query={query} what="its way">
          {(ways) => ways.map((way) => <WayView key={way.company} way={way} wanted={wanted} several={ways.length > 1} />)}
        </Shown>
      )}
    </main>
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
      {way.steps.every((step) => step.may_mend) ? (
        <Evidence company={way.company} wanted={wanted} />
      ) : (
        <p className="note">Values are shown to those who may edit the DAGs; they may take the evidence too.</p>
      )}
      <ol className="way">
        {stagesOf(way).map(({ flow, stage, steps }) => (
          <li key={`${flow} ${stage}`}>
            <h2>{stage || flow}</h2>
            {steps.map((step) => (
              <StepView key={step.leg} step={step} company={way.company} />
            ))}
          </li>
        ))}
      </ol>
    </article>
  );
}

function Evidence({ company, wanted }: { company: string; wanted: string }) {
  const evidence = useEvidence(company, wanted);
  return (
    <div className="buttons">
      <button disabled={evidence.isPending} onClick={() => evidence.mutate()}>
        {evidence.isPending ? "Verifying the trail …" : "Take the evidence"}
      </button>
      {evidence.error && (
        <p role="alert" className="note bad">
          {evidence.error.message}
        </p>
      )}
    </div>
  );
}

function StepView({ step, company }: { step: Step; company: string }) {
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
              <span className="name">{each.number ?? each.target_id ?? each.record_key}</span> <State of={each.state} />
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
      <Details step={step} company={company} />
    </section>
  );
}

function Details({ step, company }: { step: Step; company: string }) {
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
              </a>
            </dd>
          </div>
        ))}
      </dl>
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
