// What both calls to eConnect share; it stands before the code of their nodes.
const text = (value) => String(value ?? "").replace(/[<>&]/g, (c) => ({"<": "&lt;", ">": "&gt;", "&": "&amp;"})[c]);
const element = (name, fields) =>
  `<${name}>${Object.entries(fields).map(([key, value]) => `<${key}>${text(value)}</${key}>`).join("")}</${name}>`;
const called = (operation, xml) => {
  msg.method = "POST";
  msg.url = env.get("GP");
  msg.headers = {
    "content-type": "text/xml; charset=utf-8",
    soapaction: `"${env.get("GP_NAMESPACE")}/IEconnect/${operation}"`,
    authorization: "Basic " + Buffer.from(env.get("GP_LOGIN")).toString("base64"),
  };
  msg.payload =
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
    `<${operation} xmlns="${env.get("GP_NAMESPACE")}"><connectionString>${text(env.get("GP_CONNECTION"))}</connectionString>` +
    `<sXML>${text(xml)}</sXML></${operation}></s:Body></s:Envelope>`;
  return msg;
};
