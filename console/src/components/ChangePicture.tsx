import type { Review } from "../api/client";
import type { Mark } from "../model/review";

type Change = Review["changes"][number];

const ROW = 26;
const HEAD = 8;
const [LEFT, RIGHT, WIDTH] = [300, 560, 880];
const SIGNS: Record<string, string> = { came: "+", went: "−", changed: "≠" };

/** What a draft changes of a mapping or gate: the fields that are others, and the lines to them that came, went or stay. */
export function ChangePicture({ changes }: { changes: Change[] }) {
  if (changes.length === 0) return <p className="quiet">No rule is another: what changed is said of the file as a whole, or is a comment.</p>;
  const paths = [...new Set(changes.flatMap((each) => each.lines.map((line) => line.path)))];
  const y = (at: number, of: number) => HEAD + (Math.max(paths.length, changes.length) * ROW * (at + 0.5)) / of;
  const height = HEAD * 2 + Math.max(paths.length, changes.length) * ROW;
  const markOf = (path: string): Mark | "" => {
    const marks = changes.flatMap((each) => each.lines.filter((line) => line.path === path).map((line) => line.what));
    return marks.every((each) => each === "came") ? "came" : marks.every((each) => each === "went") ? "went" : "";
  };
  return (
    <figure className="picture">
      <svg role="img" aria-label={changes.map(wordsOf).join(". ")} viewBox={`0 0 ${WIDTH} ${height}`} width={WIDTH}>
        {changes.map((each, at) =>
          each.lines.map((line) => {
            const from = y(paths.indexOf(line.path), paths.length);
            const to = y(at, changes.length);
            return <path key={`${each.part} ${each.name} ${line.path}`} className={`line ${line.what ? `is-${line.what}` : ""}`} d={`M${LEFT} ${from} C${(LEFT + RIGHT) / 2} ${from} ${(LEFT + RIGHT) / 2} ${to} ${RIGHT} ${to}`} />;
          }),
        )}
        {paths.map((path, at) => (
          <text key={path} className={`drawn is-${markOf(path)}`} x={LEFT - 8} y={y(at, paths.length) + 5} textAnchor="end">
            {path}
          </text>
        ))}
        {changes.map((each, at) => (
          <text key={`${each.part} ${each.name}`} className={`drawn is-${each.what}`} x={RIGHT + 8} y={y(at, changes.length) + 5}>
            {SIGNS[each.what]} {each.name.replace("expect_column_", "").replaceAll(" values_", " ")} <tspan className="soft">{each.part}</tspan>
          </text>
        ))}
      </svg>
      <table>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">As it was</th>
            <th scope="col">As it would be</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((each) => (
            <tr key={`${each.part} ${each.name}`}>
              <th scope="row">
                {each.name} <small>{each.part}</small> <b className={`is-${each.what}`}>{each.what}</b>
              </th>
              <td className="free">{each.before ? <code>{each.before}</code> : "nothing"}</td>
              <td className="free">{each.after ? <code>{each.after}</code> : "nothing"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function wordsOf({ part, name, what, lines }: Change): string {
  const told = lines.filter((each) => each.what).map((each) => `the line from ${each.path} ${each.what}`);
  return [`${part} ${name} ${what}`, ...told].join(", ");
}
