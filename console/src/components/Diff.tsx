/** Lines of two texts as `diff` tells them: what is gone, what is new, and what stands around it. */
export function Diff({ lines, label }: { lines: string[]; label: string }) {
  return (
    <pre className="diff" tabIndex={0} role="region" aria-label={label}>
      {lines.map((line, at) => (
        <span key={`${at} ${line}`} className={line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "quiet"}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
