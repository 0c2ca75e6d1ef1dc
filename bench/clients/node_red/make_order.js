// eConnect's sales order with its lines and taxes; amounts in cents, to add up.
const order = msg.order;
const cents = (bag) => Math.round(Number(bag.shopMoney.amount) * 100);
const amount = (value) => (value / 100).toFixed(2);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const taxed = (line) => sum(line.taxLines.map((tax) => cents(tax.priceSet)));
const key = {SOPTYPE: 2, SOPNUMBE: "NR" + order.name.replace("#", ""), CUSTNMBR: msg.customer};
const date = order.processedAt.slice(0, 10);
const net = (line, gross) => gross - (order.taxesIncluded ? taxed(line) : 0);
const goods = order.lineItems.nodes.map((line, index) => {
  const off = sum(line.discountAllocations.map((each) => cents(each.allocatedAmountSet)));
  return {line, position: (index + 1) * 16384, net: net(line, cents(line.originalTotalSet) - off)};
});
const shipped = order.shippingLines.nodes.map((line) => ({line, net: net(line, cents(line.discountedPriceSet))}));
const lines = goods.map(({line, position, net}) => element("taSopLineIvcInsert", {
  ...key,
  DOCDATE: date,
  ITEMNMBR: line.sku,
  ITEMDESC: line.title,
  UNITPRCE: amount(Math.round(net / line.quantity)),
  XTNDPRCE: amount(net),
  QUANTITY: line.quantity,
  TAXAMNT: amount(taxed(line)),
  LNITMSEQ: position,
  CURNCYID: order.currencyCode,
}));
const taxes = [
  ...goods.flatMap(({line, position, net}) => line.taxLines.map((tax) => element("taSopLineIvcTaxInsert", {
    ...key, LNITMSEQ: position, TAXDTLID: tax.title, SALESAMT: amount(net), STAXAMNT: amount(cents(tax.priceSet)),
  }))),
  ...shipped.flatMap(({line}) => line.taxLines.map((tax) => element("taSopLineIvcTaxInsert", {
    ...key, TAXTYPE: 1, LNITMSEQ: 0, TAXDTLID: tax.title, FRTTXAMT: amount(cents(tax.priceSet)),
  }))),
];
const header = element("taSopHdrIvcInsert", {
  ...key,
  DOCID: "STDORD",
  DOCDATE: date,
  BACHNUMB: "NODERED",
  CSTPONBR: order.name,
  SUBTOTAL: amount(sum(goods.map((each) => each.net))),
  FREIGHT: amount(sum(shipped.map((each) => each.net))),
  TAXAMNT: amount(sum(goods.map((each) => taxed(each.line)))),
  FRTTXAMT: amount(sum(shipped.map((each) => taxed(each.line)))),
  DOCAMNT: amount(cents(order.totalPriceSet)),
  CURNCYID: order.currencyCode,
});
const list = (name, nodes) => (nodes.length ? `<${name}_Items>${nodes.join("")}</${name}_Items>` : "");
const xml =
  `<eConnect><SOPTransactionType>${list("taSopLineIvcInsert", lines)}${list("taSopLineIvcTaxInsert", taxes)}` +
  `${header}</SOPTransactionType></eConnect>`;
return called("CreateTransactionEntity", xml);
