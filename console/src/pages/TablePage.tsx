import { useState } from "react";

import type { TableView } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { History } from "../components/History";
import { Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Others } from "../components/Others";
import { ReadOnly } from "../components/ReadOnly";
import { Shown } from "../components/Shown";
import { useTable, useTableText } from "../queries/tables";

/** A lookup table: its lines, and its text to change. */
export function TablePage({ name }: { name: string }) {
  const query = useTable(name);
  return (
    <main>
      <p>
        <Link to={{ page: "files" }}>← Flows, mappings and gates</Link>
      </p>
      <Shown query={query} what="the lookup table">
        {(table) => <Table table={table} />}
      </Shown>
    </main>
  );
}

function Table({ table }: { table: TableView }) {
  const count = table.problems.length;
  return (
    <>
      <h1 className="heading">{table.name.replaceAll("_", " ")}</h1>
      <p className="quiet">
        {table.count} lines. Read by {table.mappings.join(", ") || "no mapping"}; used by {table.used_by.join(", ") || "no leg"}.
      </p>
      <Others file={table} what="table" />
      {table.may_edit ? (
        <DraftBar kind="lookups" file={table} begin="Change its lines" />
      ) : (
        <ReadOnly what="table" />
      )}
      <p role="status" className={count > 0 ? "bad" : "quiet"}>
        {count > 0 ? `The check finds ${count} problem${count > 1 ? "s" : ""}.` : "The check finds nothing wrong."}
      </p>
      {table.problems.map((each) => (
        <p key={`${each.line} ${each.message}`} className="note bad">
          Line {each.line}: {each.message} {each.remedy}
        </p>
      ))}
      {table.may_edit && <Text key={table.text} table={table} />}
      <section aria-labelledby="lines">
        <h2 id="lines">Lines</h2>
        <table>
          <thead>
            <tr>
              {table.columns.map((each, at) => (
                <th key={at} scope="col">
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, at) => (
              <tr key={at}>
                {row.map((each, column) => (
                  <td key={column} className="free">
                    {each}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {table.count > table.rows.length && <p className="quiet">The first {table.rows.length} are shown.</p>}
      </section>
      <History kind="lookups" file={table} />
    </>
  );
}

function Text({ table }: { table: TableView }) {
  const [typed, setTyped] = useState(table.text);
  const write = useTableText(table.name);
  const keep = () => write.mutate({ seen: table.draft?.version ?? 0, text: typed });
  return (
    <form
      className="correction"
      onSubmit={(event) => {
        event.preventDefault();
        keep();
      }}
    >
      <label>
        The table as it is written, a line a row, values separated by commas
        <textarea
          spellCheck={false}
          rows={Math.min(20, typed.split("\n").length + 1)}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && keep()}
        />
      </label>
      <div className="buttons">
        <button className="main" disabled={typed === table.text || write.isPending}>
          Keep it in the draft
        </button>
        <Why error={write.error} />
      </div>
    </form>
  );
}
