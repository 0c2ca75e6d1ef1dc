import { useEffect, useState } from "react";

import type { Edit } from "../api/client";

/** How long nothing is typed before a gate is tried. */
const PAUSE_MS = 200;

/** Changes once nothing is typed for a moment. */
export function useSettled(edits: Edit[]): Edit[] {
  const written = JSON.stringify(edits);
  const [settled, settle] = useState<Edit[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => settle(JSON.parse(written) as Edit[]), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [written]);
  return settled;
}
