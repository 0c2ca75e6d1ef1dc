import { useState } from "react";

import type { Letter } from "../api/client";
import { ActionDialog } from "../components/ActionDialog";
import { go, Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Pager } from "../components/Pager";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { age, instant, money } from "../model/format";
import { type Filters, ORDERS, STATES, UNFILTERED } from "../model/route";
import { type Action, ROWS, useLetters } from "../queries/letters";
import { useMe } from "../queries/me";
import { useAssign } from "../queries/work";
import { Causes } from "./Causes";

const ORDER_WORDS = { oldest: "oldest first", newest: "newest first", amount: "most money first" };

/** The work list: what can't go on, by cause and one by one. */
export function LettersPage({ filters }: { filters: Filters }) {
  const query = useLetters(filters);
  const show = (filters: Filters) => go({ page: "letters", filters });
  return (
    <div className="split">
      <Causes filters={filters} />
      <main aria-busy={query.isPlaceholderData}>
        <FilterBar filters={filters} show={show} />
        <Shown query={query} what="letters">
          {({ letters, total }) =>
            total === 0 ? (
              <p className="note">
                {filters.state === "open" ? "Nothing stands still here: every record has gone on." : "There is none."}
              </p>
            ) : (
              <>
                <Table key={JSON.stringify(filters)} letters={letters} />
                <Pager offset={filters.offset} rows={ROWS} total={total} show={(offset) => show({ ...filters, offset })} />
              </>
            )
          }
        </Shown>
      </main>
    </div>
  );
}

type Bar = { filters: Filters; show: (filters: Filters) => void };

function FilterBar({ filters, show }: Bar) {
  const { places } = useMe();
  const companies = [...new Set(places.map((each) => each.company))];
  const legs = [...new Set(places.filter((each) => !filters.company || each.company === filters.company).map((each) => each.leg))];
  const filtered = filters.company ?? filters.flow ?? filters.leg ?? filters.code ?? filters.field ?? filters.assignee ?? filters.tag ?? filters.unassigned;
  return (
    <form className="bar" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        State
        <select value={filters.state} onChange={(event) => show({ ...filters, offset: 0, state: event.target.value as Filters["state"] })}>
          {STATES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      {companies.length > 1 && (
        <Choice name="Company" chosen={filters.company} of={companies} choose={(company) => show(without(filters, "company", company))} />
      )}
      <Choice name="Leg" chosen={filters.leg} of={legs} choose={(leg) => show(without(filters, "leg", leg))} />
      <With filters={filters} show={show} />
      <label>
        Order
        <select value={filters.order} onChange={(event) => show({ ...filters, offset: 0, order: event.target.value as Filters["order"] })}>
          {ORDERS.map((each) => (
            <option key={each} value={each}>
              {ORDER_WORDS[each]}
            </option>
          ))}
        </select>
      </label>
      {filters.flow && !filters.leg && <span className="chip">{filters.flow.replaceAll("_", " ")}</span>}
      {filters.tag && <span className="chip">{filters.tag}</span>}
      {filters.code && <code className="chip">{[filters.code, filters.field].filter(Boolean).join(" ")}</code>}
      {filtered && (
        <Link to={{ page: "letters", filters: { ...UNFILTERED, state: filters.state, order: filters.order } }}>Show all</Link>
      )}
    </form>
  );
}

/** Whose letters: everybody's, one's own, another's, or nobody's. */
function With({ filters, show }: Bar) {
  const { name, people } = useMe();
  const others = [...new Set([...people, ...(filters.assignee ? [filters.assignee] : [])])].filter((each) => each !== name);
  return (
    <label>
      With
      <select
        value={filters.unassigned ? "-" : (filters.assignee ?? "")}
        onChange={({ target: { value } }) => {
          const { assignee: _, unassigned: __, ...rest } = filters;
          show({ ...rest, offset: 0, ...(value === "-" ? { unassigned: "true" } : value && { assignee: value }) });
        }}
      >
        <option value="">everybody</option>
        <option value={name}>you</option>
        <option value="-">nobody</option>
        {others.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

function without(filters: Filters, name: "company" | "leg", value: string): Filters {
  const { [name]: _, ...rest } = filters;
  return { ...rest, offset: 0, ...(value && { [name]: value }) };
}

type ChoiceProps = { name: string; chosen: string | undefined; of: string[]; choose: (value: string) => void };

function Choice({ name, chosen, of, choose }: ChoiceProps) {
  return (
    <label>
      {name}
      <select value={chosen ?? ""} onChange={(event) => choose(event.target.value)}>
        <option value="">all</option>
        {of.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

function Table({ letters }: { letters: Letter[] }) {
  const { places, zones, name } = useMe();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [action, setAction] = useState<Action | null>(null);
  const assign = useAssign();
  const mends = new Set(places.filter((each) => each.may_mend).map((each) => `${each.company} ${each.flow} ${each.leg}`));
  const mendable = letters.filter((each) => mends.has(`${each.company} ${each.flow} ${each.leg}`));
  const toggle = (id: string) => setChosen((before) => new Set(before.has(id) ? [...before].filter((each) => each !== id) : [...before, id]));
  const taken = letters.filter((each) => chosen.has(each.id));
  const now = Date.now();
  return (
    <>
      {mendable.length > 0 && (
        <div className="bulk" role="group" aria-label="With what is chosen">
          <label className="check">
            <input
              type="checkbox"
              checked={taken.length === mendable.length}
              onChange={(event) => setChosen(new Set(event.target.checked ? mendable.map((each) => each.id) : []))}
            />
            {taken.length ? `${taken.length} chosen` : "Choose all of this page"}
          </label>
          <button disabled={!taken.length} onClick={() => setAction("replays")}>
            Replay …
          </button>
          <button disabled={!taken.length} onClick={() => setAction("discards")}>
            Discard …
          </button>
          <button
            disabled={!taken.length || assign.isPending}
            onClick={() =>
              assign.mutate({ kind: "letter", seen: Object.fromEntries(taken.map((each) => [each.id, each.work.assignee])), to: name })
            }
          >
            Take on
          </button>
          <Why error={assign.error} />
        </div>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span className="unseen">Chosen</span>
            </th>
            <th scope="col">Record</th>
            <th scope="col">What is wrong, and the remedy</th>
            <th scope="col" className="number">
              Money
            </th>
            <th scope="col">With</th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {letters.map((each) => (
            <tr key={each.id}>
              <td>
                {mendable.includes(each) && (
                  <input type="checkbox" aria-label={`Choose ${each.title}`} checked={chosen.has(each.id)} onChange={() => toggle(each.id)} />
                )}
              </td>
              <th scope="row">
                <Link to={{ page: "letter", id: each.id }}>{each.title}</Link>
                <small>
                  {each.leg} · {each.step}
                  {each.attempt > 1 && ` · failed in ${each.attempt} runs`}
                </small>
              </th>
              <td>
                {each.message ?? <code>{[each.code, each.field].filter(Boolean).join(" ")}</code>}
                <small>{each.remedy}</small>
              </td>
              <td className="number">{each.money ? money(each.money) : "–"}</td>
              <td>
                {each.work.assignee ?? "–"}
                {each.work.tags.map((tag) => (
                  <Link key={tag} className="chip" to={{ page: "letters", filters: { ...UNFILTERED, state: each.state, tag } }}>
                    {tag}
                  </Link>
                ))}
                {each.work.comments.length > 0 && <small title={each.work.comments.at(-1)?.text}>{each.work.comments.length} said</small>}
              </td>
              <td>
                <State of={each.state} />
              </td>
              <td title={instant(each.created_at, zones[each.company])}>{age(each.created_at, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {action && (
        <ActionDialog
          action={action}
          letters={taken}
          close={(done) => {
            setAction(null);
            if (done) setChosen(new Set());
          }}
        />
      )}
    </>
  );
}
