import { useQuery } from "@tanstack/react-query";

import { api, given } from "../api/client";

/** The way of what is called so. */
export function useWays(wanted: string) {
  return useQuery({
    queryKey: ["ways", wanted],
    queryFn: () => given(api.GET("/api/ways", { params: { query: { q: wanted } } })),
    enabled: wanted !== "",
  });
}
