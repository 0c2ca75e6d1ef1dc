// eConnect's customer, who is created or updated by every order of theirs.
const order = msg.payload.data.order;
msg.order = order;
const address = order.billingAddress ?? {};
msg.customer = "NR" + order.customer.legacyResourceId;
const xml = `<eConnect><RMCustomerMasterType>${element("taUpdateCreateCustomerRcd", {
  CUSTNMBR: msg.customer,
  CUSTNAME: `${order.customer.firstName} ${order.customer.lastName}`,
  ADRSCODE: "MAIN",
  ADDRESS1: address.address1,
  CITY: address.city,
  STATE: address.provinceCode,
  ZIPCODE: address.zip,
})}</RMCustomerMasterType></eConnect>`;
return called("CreateEntity", xml);
