import { useSuspenseQuery } from "@tanstack/react-query";

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
