/** The way of a document. */
export function FollowPage({ wanted }: { wanted: string }) {
  return <main>{wanted}</main>;
}
