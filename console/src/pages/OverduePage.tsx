import { go, Link } from "../components/Link";
import { NotedInRow } from "../components/Noted";
import { Pager } from "../components/Pager";
import { Shown } from "../components/Shown";
import { money } from "../model/format";
import { ROWS, useOverdue } from "../queries/waiting";

/** Records that wait for something that does not come. */
export function OverduePage({ offset }: { offset: number }) {
  const query = useOverdue(offset);
  return (
    <main aria-busy={query.isPlaceholderData}>
      <Shown query={query} what="records">
        {({ records, total }) =>
          total === 0 ? (
            <p className="note">Nothing waits longer than `waits` of its flow's file says.</p>
          ) : (
            <>
              <p className="note">
                Let what each waits for come. If it may wait longer, say so under <code>waits</code> of the flow's file.
              </p>
              <table>
                <thead>
                  <tr>
                    <th scope="col">Record</th>
                    <th scope="col">Waits for</th>
                    <th scope="col" className="number">
                      Money
                    </th>
                    <th scope="col">With</th>
                    <th scope="col">Waited, may wait</th>
                  </tr>
                </thead>
                <tbody>
                  {records.map((each) => (
                    <tr key={`${each.company} ${each.source_key}`}>
                      <th scope="row">
                        <Link to={{ page: "follow", wanted: each.source_key }}>{each.title}</Link>
                        <small>
                          {each.leg} · {each.company}
                        </small>
                      </th>
                      <td>{each.reason ?? "–"}</td>
                      <td className="number">{each.money ? money(each.money) : "–"}</td>
                      <td>
                        <NotedInRow kind="overdue" id={each.id} work={each.work} mayMend={each.may_mend} />
                      </td>
                      <td>
                        {each.days} d, {each.allowed} d
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <Pager offset={offset} rows={ROWS} total={total} show={(offset) => go({ page: "overdue", offset })} />
            </>
          )
        }
      </Shown>
    </main>
  );
}
