import { useQuery, useSuspenseQuery } from "@tanstack/react-query";

import { api, given, keepToken, type Me } from "../api/client";

/** Who looks. */
export function useMe(): Me {
  const { data } = useSuspenseQuery({
    queryKey: ["me"],
    queryFn: async () => {
      const me = await given(api.GET("/api/me"));
      keepToken(me.token);
      return me;
    },
    staleTime: 60_000,
  });
  return data;
}

/** What they may do in each stage. */
export function useRights() {
  return useQuery({ queryKey: ["rights"], queryFn: () => given(api.GET("/api/rights")), staleTime: 60_000 });
}
