import { useState } from "react";

import type { FileView } from "../api/client";
import { go, Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Shown } from "../components/Shown";
import { useBeginFile, useFiles } from "../queries/design";

/** The flows, mappings and gates there are. */
export function FilesPage() {
  const query = useFiles();
  return (
    <main>
      <h1 className="heading">Flows, mappings and gates</h1>
      <Shown query={query} what="flows, mappings and gates">
        {(files) => <Files files={files} />}
      </Shown>
    </main>
  );
}

function Files({ files }: { files: FileView[] }) {
  const [typed, setTyped] = useState("");
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const told = (file: FileView) => [file.name, file.reads, file.writes, file.description, ...file.used_by].join(" ").toLowerCase();
  const found = files.filter((each) => words.every((word) => told(each).includes(word)));
  const flows = found.filter((each) => each.kind === "flows");
  const mayBegin = files.some((each) => each.kind === "flows" && each.may_edit);
  const mappings = found.filter((each) => each.kind === "mappings");
  const guards = [
    { heading: "Gates", column: "Gate", page: "gate", files: found.filter((each) => each.kind === "expectations") },
    { heading: "Lookup tables", column: "Table", page: "table", files: found.filter((each) => each.kind === "lookups") },
  ] as const;
  return (
    <>
      <div className="bar">
        <label className="grows">
          Find{" "}
          <input className="grows" type="search" placeholder="a system, an entity, a leg" value={typed} onChange={(event) => setTyped(event.target.value)} />
        </label>
      </div>
      <section>
        <h2>Flows</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">Flow</th>
              <th scope="col">Stages and legs</th>
              <th scope="col">Drafts</th>
            </tr>
          </thead>
          <tbody>
            {flows.map((each) => (
              <tr key={each.file}>
                <th scope="row" className="title">
                  <Link to={{ page: "flow", name: each.name }}>{each.name.replaceAll("_", " ")}</Link>
                  <small>{each.is_broken ? "can't be read" : each.description}</small>
                </th>
                <td className="free">
                  {each.used_by.map((stage) => (
                    <div key={stage}>{stage.replaceAll("_", " ")}</div>
                  ))}
                </td>
                <td>{each.drafts.join(", ") || "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {mayBegin && <NewFlow />}
      <section>
        <h2>Mappings</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">Mapping</th>
              <th scope="col">From, to</th>
              <th scope="col">Used by</th>
              <th scope="col">Drafts</th>
            </tr>
          </thead>
          <tbody>
            {mappings.map((each) => (
              <tr key={each.file}>
                <th scope="row" className="title">
                  <Link to={{ page: "mapping", name: each.name }}>{each.name.replaceAll("_", " ")}</Link>
                  <small>{each.is_broken ? "can't be read" : each.description}</small>
                </th>
                <td className="entities">
                  <code>{each.reads}</code>
                  <br />
                  <code>{each.writes}</code>
                </td>
                <td className="free">{each.used_by.map((leg) => leg.replaceAll("_", " ").replace(".", ": ")).join(", ") || "no leg"}</td>
                <td>{each.drafts.join(", ") || "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {mayBegin && <NewMapping />}
      </section>
      {guards.map(({ heading, column, page, files: listed }) => (
        <section key={page}>
          <h2>{heading}</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">{column}</th>
                <th scope="col">Used by</th>
                <th scope="col">Drafts</th>
              </tr>
            </thead>
            <tbody>
              {listed.map((each) => (
                <tr key={each.file}>
                  <th scope="row" className="title">
                    <Link to={{ page, name: each.name }}>{each.name.replaceAll("_", " ")}</Link>
                    <small>{each.is_broken ? "can't be read" : each.description}</small>
                  </th>
                  <td className="free">{each.used_by.map((leg) => leg.replaceAll("_", " ").replace(".", ": ")).join(", ") || "no leg"}</td>
                  <td>{each.drafts.join(", ") || "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      <section>
        {found.length === 0 && <p className="note">None of them has these words.</p>}
      </section>
    </>
  );
}

/** A flow from nothing: a draft, which its page opens. */
function NewFlow() {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const begin = useBeginFile();
  return (
    <details>
      <summary>New flow</summary>
      <form
        className="buttons padded"
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate({ kind: "flows", name, description, owner: "", reads: "", writes: "" }, { onSuccess: () => go({ page: "flow", name }) });
        }}
      >
        <input required aria-label="Name of the flow" placeholder="name" pattern="[a-z][a-z0-9_]*" title="Small letters, digits and _" value={name} onChange={(event) => setName(event.target.value)} />
        <input className="grows" aria-label="What the flow does" placeholder="what it does" value={description} onChange={(event) => setDescription(event.target.value)} />
        <button disabled={!name || begin.isPending}>Begin it as a draft</button>
        <Why error={begin.error} />
      </form>
    </details>
  );
}

/** A mapping begun from nothing: a draft, whose rules are suggested. */
function NewMapping() {
  const [asked, setAsked] = useState({ name: "", reads: "", writes: "", description: "" });
  const begin = useBeginFile();
  const box = (key: keyof typeof asked, label: string, hint: string, pattern?: string) => (
    <label>
      {label} <input required={key !== "description"} placeholder={hint} {...(pattern && { pattern })} value={asked[key]} onChange={(event) => setAsked({ ...asked, [key]: event.target.value })} />
    </label>
  );
  return (
    <details>
      <summary>Begin a mapping</summary>
      <form
        className="bar padded"
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate({ kind: "mappings", owner: "", ...asked }, { onSuccess: () => go({ page: "mapping", name: asked.name }) });
        }}
      >
        {box("name", "Name", "till_sale_to_sales_order", "[a-z][a-z0-9_]*")}
        {box("reads", "Reads", "magento.order")}
        {box("writes", "Makes", "canonical.sales_order")}
        {box("description", "What for", "in a sentence")}
        <button disabled={begin.isPending}>Begin the draft</button>
        <Why error={begin.error} />
      </form>
    </details>
  );
}
