import { Fragment, useState } from "react";

import type { ExpectationOffered, ExpectationView, GateView } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { ExpectationForm } from "../components/ExpectationForm";
import { History } from "../components/History";
import { Link } from "../components/Link";
import { Others } from "../components/Others";
import { Shown } from "../components/Shown";
import { Stopped } from "../components/Stopped";
import { expectationWords, wantedOf } from "../model/gate";
import { useGate, useMenu } from "../queries/gates";

/** A gate as a list of expectations, and what it makes of recent documents. */
export function GatePage({ name }: { name: string }) {
  const query = useGate(name);
  return (
    <main className="gate">
      <p>
        <Link to={{ page: "files" }}>← Flows, mappings and gates</Link>
      </p>
      <Shown query={query} what="the gate">
        {(gate) => <Gate gate={gate} />}
      </Shown>
    </main>
  );
}

function Gate({ gate }: { gate: GateView }) {
  const [edited, edit] = useState<number | "new" | null>(null);
  const menu = useMenu().data;
  const count = gate.problems.length;
  return (
    <>
      <header>
        <h1>{gate.name.replaceAll("_", " ")}</h1>
        <p>{gate.description}</p>
        <p className="quiet">
          {gate.expectations.length} expectations of <code>{gate.entities.join(", ") || "no entity"}</code>. Used by {gate.used_by.join(", ") || "no leg"}.
        </p>
      </header>
      <Others file={gate} what="gate" />
      {gate.may_edit ? (
        <DraftBar kind="expectations" file={gate} begin="Choose an expectation to change it, or add one" />
      ) : (
        <p className="note">Those edit a gate, and see the values it stops, who may edit the DAGs of all legs that use it.</p>
      )}
      <p role="status" className={count > 0 ? "bad" : "quiet"}>
        {count > 0 ? `The check finds ${count} problem${count > 1 ? "s" : ""}.` : "The check finds nothing wrong."}
      </p>
      <section>
        <h2 id="expectations">Expectations</h2>
        <table className="rules" aria-labelledby="expectations">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Expectation</th>
              <th scope="col">What a person does then</th>
              <th scope="col">Otherwise</th>
              <th scope="col">Recent documents</th>
            </tr>
          </thead>
          <tbody>
            {gate.expectations.map((each) => (
              <Fragment key={each.at}>
                <Row gate={gate} each={each} isEdited={edited === each.at} edit={menu && (() => edit(edited === each.at ? null : each.at))} />
                {edited === each.at && menu && (
                  <tr className="editor">
                    <td colSpan={5}>
                      <ExpectationForm gate={gate} menu={menu} known={each} close={() => edit(null)} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
        {gate.unusual && (
          <p className="quiet">
            It also compares each document with those that went before: <code>unusual: {gate.unusual}</code>
          </p>
        )}
        {gate.may_edit && <New gate={gate} menu={menu} isOpen={edited === "new"} open={(isOpen) => edit(isOpen ? "new" : null)} />}
      </section>
      <section aria-labelledby="stopped">
        <h2 id="stopped">What it would stop</h2>
        <Stopped gate={gate} />
      </section>
      <History kind="expectations" file={gate} />
    </>
  );
}

type NewProps = { gate: GateView; menu: ExpectationOffered[] | undefined; isOpen: boolean; open: (isOpen: boolean) => void };

function New({ gate, menu, isOpen, open }: NewProps) {
  if (isOpen && menu) return <ExpectationForm gate={gate} menu={menu} close={() => open(false)} />;
  return (
    <p className="buttons padded">
      <button disabled={!menu} onClick={() => open(true)}>
        {menu ? "Add an expectation" : "The menu is being read …"}
      </button>
    </p>
  );
}

type RowProps = { gate: GateView; each: ExpectationView; isEdited: boolean; edit: (() => void) | undefined };

function Row({ gate, each, isEdited, edit }: RowProps) {
  const told = Object.entries(wantedOf(each).told);
  const stops = each.stopped > 0;
  return (
    <tr className={each.problems.length > 0 || (stops && each.otherwise === "reject") ? "fault" : undefined}>
      <th scope="row">
        {gate.may_edit ? (
          <button className="plain field" aria-expanded={isEdited} disabled={!edit} onClick={edit}>
            {each.column}
          </button>
        ) : (
          each.column
        )}
        <small>
          {each.part} {each.beside && `beside ${each.beside}`}
        </small>
      </th>
      <td className="free">
        {expectationWords(each.expect)}
        {told.map(([key, value]) => (
          <small key={key}>
            {key.replaceAll("_", " ")}: <code>{value.replaceAll("\n", ", ")}</code>
          </small>
        ))}
      </td>
      <td className="free">{each.remedy}</td>
      <td>{each.otherwise}</td>
      <td className="free">
        {each.problems.map((one) => (
          <p key={one.message} className="bad">
            {one.message}
          </p>
        ))}
        {gate.tried && each.problems.length === 0 && (stops ? `${each.stopped} of ${gate.tried.documents} don't meet it` : "all meet it")}
      </td>
    </tr>
  );
}
