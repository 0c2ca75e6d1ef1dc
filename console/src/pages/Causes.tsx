import { Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { count, money } from "../model/format";
import { type Filters, UNFILTERED } from "../model/route";
import { useCauses } from "../queries/letters";

/** What would mend the most letters at once. */
export function Causes({ filters }: { filters: Filters }) {
  const query = useCauses(filters.state);
  return (
    <aside aria-label="Causes">
      <h2>By cause</h2>
      <Shown query={query} what="causes">
        {(causes) => (
          <ul className="causes">
            {causes.map(({ company, flow, leg, code, field, count: letters, sums }) => {
              const to = { ...UNFILTERED, state: filters.state, order: filters.order, company, flow, leg, code, field };
              const isShown = filters.code === code && filters.field === field && filters.leg === leg && filters.company === company;
              return (
                <li key={[company, flow, leg, code, field].join(" ")}>
                  <Link to={{ page: "letters", filters: to }} aria-current={isShown ? "true" : undefined}>
                    <b>{count(letters)}</b>
                    <span>
                      {leg} <code>{code}</code> {field}
                      <small>{sums.map(money).join(" · ")}</small>
                    </span>
                  </Link>
                </li>
              );
            })}
          </ul>
        )}
      </Shown>
    </aside>
  );
}
