import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

type Props<T> = { query: UseQueryResult<T>; what: string; children: (data: T) => ReactNode };

/** What was asked for, or that it is on its way, or why it does not come. */
export function Shown<T>({ query, what, children }: Props<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error)
    return (
      <div role="alert" className="note bad">
        <p>{query.error.message}</p>
        <button onClick={() => void query.refetch()}>Try again</button>
      </div>
    );
  return (
    <p role="status" className="note">
      Loading {what} …
    </p>
  );
}
