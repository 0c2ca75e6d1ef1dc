import { useMemo } from "react";

import type { Health, Queue, Stage } from "../api/client";
import { BarChart } from "../components/BarChart";
import { Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { age, count, instant } from "../model/format";
import { namesOf, systemOf } from "../model/way";
import { useHealth } from "../queries/health";
import { useMe } from "../queries/me";
import { Verdicts } from "./VerdictsPage";

/** How everything goes: throughput, stages, pauses, calls left, the books. */
export function HealthPage() {
  const query = useHealth();
  return (
    <main>
      <h1 className="unseen">Health</h1>
      <Shown query={query} what="how everything goes">
        {(health) => (
          <>
            <Figures health={health} />
            <Throughput health={health} />
            <Stages health={health} />
            <Queues health={health} />
            <Refused health={health} />
            <section>
              <h2>The books</h2>
              <Verdicts verdicts={health.verdicts} />
            </section>
          </>
        )}
      </Shown>
    </main>
  );
}

/** Seconds in the largest unit that fits. */
function lasted(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

const byStep = (stages: Stage[], values: (stage: Stage) => number[]) =>
  stages.reduce<number[]>((total, each) => values(each).map((value, at) => value + (total[at] ?? 0)), []);

const sum = (values: number[]) => values.reduce((total, each) => total + each, 0);

function share(refused: number, delivered: number): string {
  return refused + delivered === 0 ? "–" : `${((100 * refused) / (refused + delivered)).toFixed(1)} %`;
}

function Figures({ health: { stages, circuits, budgets, now } }: { health: Health }) {
  const delivered = sum(stages.map((each) => sum(each.delivered)));
  const refused = sum(stages.map((each) => sum(each.refused)));
  return (
    <>
      <div className="figures">
        <div>
          Delivered in 24 h<b>{count(delivered)}</b>
        </div>
        <div>
          Refused in 24 h<b>{count(refused)}</b>
          <small>{share(refused, delivered)} of all</small>
        </div>
        {budgets.map((each) => (
          <div key={`${each.system} ${each.left}`}>
            Calls left to {systemOf(each.system)}
            <b>{count(each.left)}</b>
            <small>
              of {count(each.limit)} in 24 h; {each.ends_in_hours === null ? "enough as it goes" : `end in ${each.ends_in_hours.toFixed(1)} h as it goes`}
            </small>
          </div>
        ))}
      </div>
      {circuits.map((each) => (
        <p key={each.connection} role="alert" className="note bad">
          Nobody calls <b>{each.connection}</b> until {instant(each.until)}, since {age(each.since, Date.parse(now))}: it failed
          several times in a row. {each.reason}
        </p>
      ))}
    </>
  );
}

function Throughput({ health: { stages, now } }: { health: Health }) {
  const series = useMemo(() => {
    return [
      { label: "delivered", values: byStep(stages, (each) => each.delivered), colour: "--brand" as const },
      { label: "refused", values: byStep(stages, (each) => each.refused), colour: "--bad" as const },
    ];
  }, [stages]);
  return (
    <section>
      <h2>Documents by hour</h2>
      <BarChart label="Documents delivered and refused by hour, in the last 24 hours" until={now} step="hour" series={series} />
    </section>
  );
}

/** The share of what was refused, day by day. */
function Refused({ health: { stages, now } }: { health: Health }) {
  const [refused, delivered] = useMemo(
    () => [byStep(stages, (each) => each.refused_by_day), byStep(stages, (each) => each.delivered_by_day)],
    [stages],
  );
  const series = useMemo(() => {
    const shares = refused.map((each, at) => (each ? (100 * each) / (each + (delivered[at] ?? 0)) : 0));
    return [{ label: "% refused", values: shares, colour: "--bad" as const }];
  }, [refused, delivered]);
  return (
    <section>
      <h2>Refused by day, of a hundred</h2>
      <BarChart label="The share of documents that were refused, day by day, in the last 14 days" until={now} step="day" series={series} />
      <p className="unseen">
        {refused.map((each, at) => `${share(each, delivered[at] ?? 0)}`).join(", ")}, the last one is the last 24 hours.
      </p>
    </section>
  );
}

/** What waits of each connection. */
function Queues({ health: { queues, now } }: { health: Health }) {
  const companies = new Set(queues.map((each: Queue) => each.company)).size;
  const since = (at: string | null) => (at ? age(at, Date.parse(now)) : "–");
  return (
    <section>
      <h2>Queues</h2>
      {queues.length === 0 ? (
        <p className="note">Nothing waits: every change was taken, and no record waits for another.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Connection</th>
              <th scope="col" className="number">
                Changes not taken
              </th>
              <th scope="col">The oldest</th>
              <th scope="col" className="number">
                Records that wait
              </th>
              <th scope="col">The oldest</th>
            </tr>
          </thead>
          <tbody>
            {queues.map((each) => (
              <tr key={`${each.company} ${each.connection}`}>
                <th scope="row">
                  {each.connection}
                  {companies > 1 && <small>{each.company}</small>}
                </th>
                <td className="number">{count(each.untaken)}</td>
                <td>{since(each.oldest)}</td>
                <td className="number">{count(each.waiting)}</td>
                <td>{since(each.waiting_since)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Stages({ health: { stages, now } }: { health: Health }) {
  const { zones } = useMe();
  const companies = new Set(stages.map((each) => each.company)).size;
  return (
    <section>
      <h2>Stages</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col">Last pass</th>
            <th scope="col" className="number">
              Delivered in 24 h
            </th>
            <th scope="col" className="number">
              Refused
            </th>
            <th scope="col" className="number">
              Share
            </th>
            <th scope="col">Known to arrived</th>
            <th scope="col">Oldest change not taken</th>
          </tr>
        </thead>
        <tbody>
          {stages.map((each) => {
            const [delivered, refused] = [sum(each.delivered), sum(each.refused)];
            return (
              <tr key={each.dag}>
                <th scope="row">
                  <a href={each.page} target="_blank" rel="noreferrer">
                    {each.stage.replaceAll("_", " ")}
                  </a>
                  <small>
                    {each.flow.replaceAll("_", " ")}
                    {companies > 1 && ` · ${each.company}`}
                  </small>
                </th>
                <td title={each.began_at ? instant(each.began_at, zones[each.company]) : undefined}>
                  {each.state ? <State of={each.state} /> : "none yet"} {each.began_at && `${age(each.began_at, Date.parse(now))} ago`}
                </td>
                <td className="number">{count(delivered)}</td>
                <td className="number">
                  {refused === 0 ? 0 : <Link to={{ page: "letters", filters: { state: "open", order: "newest", offset: 0, company: each.company, flow: each.flow } }}>{count(refused)}</Link>}
                </td>
                <td className="number">{share(refused, delivered)}</td>
                <td title={each.latency ? `of ${count(each.latency.documents)} documents` : undefined}>
                  {each.latency ? `${lasted(each.latency.median)}, nine in ten ${lasted(each.latency.most)}` : "–"}
                </td>
                <td>
                  {each.oldest ? `${age(each.oldest, Date.parse(now))}: ${namesOf(each.waits_for ?? "").join(" ")}` : "none"}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
