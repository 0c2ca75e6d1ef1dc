// What the shop told, as the question for the whole order: its webhook has no taxes by line.
msg.told = Date.now();
msg.name = msg.payload.name;
msg.method = "POST";
msg.url = env.get("SHOP") + "/admin/api/" + env.get("SHOP_VERSION") + "/graphql.json";
msg.headers = {"content-type": "application/json", "x-shopify-access-token": env.get("SHOP_TOKEN")};
const money = "{ shopMoney { amount } }";
const taxes = `taxLines { title priceSet ${money} }`;
msg.payload = {
  query: `query Order($id: ID!) { order(id: $id) {
    name email processedAt currencyCode taxesIncluded totalPriceSet ${money}
    customer { legacyResourceId firstName lastName }
    billingAddress { address1 city provinceCode zip }
    lineItems(first: 50) { nodes {
      sku title quantity originalTotalSet ${money} discountAllocations { allocatedAmountSet ${money} } ${taxes} } }
    shippingLines(first: 5) { nodes { discountedPriceSet ${money} ${taxes} } } } }`,
  variables: {id: msg.payload.admin_graphql_api_id},
};
return msg;
