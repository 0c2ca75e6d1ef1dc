import { Fragment, useRef, useState } from "react";

import type { ExpectationOffered, ExpectationView, GateView } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { ExpectationForm } from "../components/ExpectationForm";
import { History } from "../components/History";
import { Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Others } from "../components/Others";
import { ReadOnly } from "../components/ReadOnly";
import { Shown } from "../components/Shown";
import { Stopped } from "../components/Stopped";
import { Undo } from "../components/Undo";
import { UnusualForm } from "../components/UnusualForm";
import { expectationWords, wantedOf } from "../model/gate";
import { COMPARED } from "../model/unusual";
import { undoneByKey } from "../queries/edits";
import { type GateEdits, useGate, useGateEdits, useMenu } from "../queries/gates";

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
  const [edited, edit] = useState<number | "new" | "unusual" | null>(null);
  const gateEdits = useGateEdits(gate);
  const section = useRef<HTMLElement>(null);
  const menu = useMenu().data;
  const count = gate.problems.length;
  const close = () => {
    edit(null);
    // the form that had the focus is gone, and the next key may be the one that undoes
    section.current?.focus({ preventScroll: true });
  };
  // a form shows what it began with, which is another after that
  const undoable = { ...gateEdits, undo: () => (close(), gateEdits.undo()), redo: () => (close(), gateEdits.redo()) };
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
        <ReadOnly what="gate">{!gate.values && "Those see the values it stops who may edit these DAGs."}</ReadOnly>
      )}
      <p role="status" className={count > 0 ? "bad" : "quiet"}>
        {count > 0 ? `The check finds ${count} problem${count > 1 ? "s" : ""}.` : "The check finds nothing wrong."}
      </p>
      <section aria-label="Expectations" ref={section} tabIndex={-1} onKeyDown={(event) => gate.may_edit && undoneByKey(event, undoable)}>
        <h2 id="expectations">Expectations</h2>
        {gate.may_edit && (
          <div className="buttons" role="toolbar" aria-label="Gate">
            <Undo edits={undoable} />
            {edited === null && <Why error={gateEdits.error} />}
          </div>
        )}
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
                      <ExpectationForm gate={gate} gateEdits={gateEdits} menu={menu} known={each} close={close} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
        {gate.may_edit && <New gate={gate} gateEdits={gateEdits} menu={menu} isOpen={edited === "new"} open={() => edit("new")} close={close} />}
        <Unusual gate={gate} gateEdits={gateEdits} isOpen={edited === "unusual"} open={() => edit("unusual")} close={close} />
      </section>
      <section aria-labelledby="stopped">
        <h2 id="stopped">What it would stop</h2>
        <Stopped gate={gate} />
      </section>
      <History kind="expectations" file={gate} />
    </>
  );
}

type FormProps = { gate: GateView; gateEdits: GateEdits; isOpen: boolean; open: () => void; close: () => void };

function New({ gate, gateEdits, menu, isOpen, open, close }: FormProps & { menu: ExpectationOffered[] | undefined }) {
  if (isOpen && menu) return <ExpectationForm gate={gate} gateEdits={gateEdits} menu={menu} close={close} />;
  return (
    <p className="buttons padded">
      <button disabled={!menu} onClick={open}>
        {menu ? "Add an expectation" : "The menu is being read …"}
      </button>
    </p>
  );
}

/** By what each document is compared with those that went before. */
function Unusual({ gate, gateEdits, isOpen, open, close }: FormProps) {
  const { unusual, tried } = gate;
  if (isOpen) return <UnusualForm gate={gate} gateEdits={gateEdits} close={close} />;
  return (
    <>
      {unusual && (
        <div className="quiet padded">
          It also compares each document with those that went before, by{" "}
          {COMPARED.filter(({ key }) => unusual[key])
            .map(({ key }) => `${key} ${unusual[key]}`)
            .join(", ")}
          ; an unusual one {unusual.otherwise === "reject" ? "is held" : "is told of"}.{tried && ` ${unusual.found} of ${tried.documents} recent documents would be.`}
          {unusual.problems.map((each) => (
            <p key={each.message} className="bad">
              {each.message} {each.remedy}
            </p>
          ))}
        </div>
      )}
      {gate.may_edit && (
        <p className="buttons padded">
          <button onClick={open}>{unusual ? "Change how it is compared" : "Compare documents with those before"}</button>
        </p>
      )}
    </>
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
