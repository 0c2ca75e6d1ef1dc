import { go, Link } from "../components/Link";
import { NotedInRow } from "../components/Noted";
import { Pager } from "../components/Pager";
import { Shown } from "../components/Shown";
import { age, instant, money } from "../model/format";
import { namesOf } from "../model/way";
import { useMe } from "../queries/me";
import { ROWS, useUnknown } from "../queries/waiting";

/** Documents that were sent and of which no answer came: never sent again before they were looked up. */
export function UnknownPage({ offset }: { offset: number }) {
  const { zones } = useMe();
  const query = useUnknown(offset);
  return (
    <main aria-busy={query.isPlaceholderData}>
      <Shown query={query} what="documents">
        {({ documents, total }) =>
          total === 0 ? (
            <p className="note">Of every document that was sent it is known whether it arrived.</p>
          ) : (
            <>
              <p className="note">
                No answer came to these. The next pass looks each up where it was sent, and sends it only if it is not there.
              </p>
              <table>
                <thead>
                  <tr>
                    <th scope="col">Document</th>
                    <th scope="col">In</th>
                    <th scope="col" className="number">
                      Money
                    </th>
                    <th scope="col">With</th>
                    <th scope="col">Tries</th>
                    <th scope="col">Looked up from</th>
                    <th scope="col">Since</th>
                  </tr>
                </thead>
                <tbody>
                  {documents.map((each) => (
                    <tr key={`${each.company} ${each.entity} ${each.record_key}`}>
                      <th scope="row">
                        <Link to={{ page: "follow", wanted: each.record_key }}>{each.number ?? each.record_key}</Link>
                      </th>
                      <td>{namesOf(each.entity).join(" ")}</td>
                      <td className="number">{each.money ? money(each.money) : "–"}</td>
                      <td>
                        <NotedInRow kind="unknown" id={each.id} work={each.work} mayMend={each.may_mend} zone={zones[each.company]} />
                      </td>
                      <td>
                        <a href={each.run_page} target="_blank" rel="noreferrer">
                          {each.attempts}
                        </a>
                      </td>
                      <td>{each.settles_at ? instant(each.settles_at, zones[each.company]) : "now"}</td>
                      <td title={instant(each.called_at, zones[each.company])}>{age(each.called_at, Date.now())}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <Pager offset={offset} rows={ROWS} total={total} show={(offset) => go({ page: "unknown", offset })} />
            </>
          )
        }
      </Shown>
    </main>
  );
}
