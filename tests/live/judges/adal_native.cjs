// Signs in with ADAL for Node.js as a public client. ADAL reads the user's realm, MEX and the RSTR, and exchanges the assertion for
// tokens of its `resource`. The environment variable JUDGE has the settings: either `envelope`, which is the answer of
// `windowstransport` to a ticket, or `password`. The program prints one JSON object with the result of each step.
const { AuthenticationContext } = require("adal-node");
const TokenRequest = require("adal-node/lib/token-request");
const WSTrustResponse = require("adal-node/lib/wstrust-response");
const { WSTrustVersion } = require("adal-node/lib/constants");
const { promisify } = require("node:util");

const judge = JSON.parse(process.env.JUDGE);

async function attempted(step) {
  try {
    return await step();
  } catch (error) {
    return { refused: String(error) };
  }
}

async function main() {
  const context = new AuthenticationContext(judge.authority);
  await promisify((callback) => context._acquireToken(callback, callback))();
  const request = new TokenRequest(context._callContext, context, judge.client, judge.resource);
  const realm = request._createUserRealmRequest(judge.user);
  const mex = request._createMex(judge.mex);
  const said = {};
  said.realm = await attempted(async () => {
    await promisify((callback) => realm.discover(callback))();
    return realm.accountType;
  });
  said.mex = await attempted(async () => {
    await promisify((callback) => mex.discover(callback))();
    return mex.usernamePasswordPolicy;
  });
  said.tokens = await attempted(() => promisify((callback) => {
    if (judge.password) {
      context.acquireTokenWithUsernamePassword(judge.resource, judge.user, judge.password, judge.client, callback);
    } else {
      const response = new WSTrustResponse(context._callContext, judge.envelope, WSTrustVersion.WSTRUST2005);
      response.parse();
      request._performWSTrustAssertionOAuthExchange(response, callback);
    }
  })());
  console.log(JSON.stringify(said));
}

main();
