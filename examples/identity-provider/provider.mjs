import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const listen = (server, port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))

/** A local identity provider where everybody is who they say they are: in place of Auth0, Entra, Keycloak and others. */
export const startProvider = async ({ port, clientId, appUrl, audience }) => {
  const server = createServer()
  await listen(server, port)
  const issuer = `http://127.0.0.1:${server.address().port}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, token_endpoint_auth_method: 'none', redirect_uris: [`${appUrl}/`] }],
    clientBasedCORS: (_, origin) => origin === appUrl,
    cookies: { keys: [randomUUID()] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'rsa-1', use: 'sig', alg: 'RS256' }] },
    features: {
      devInteractions: { enabled: true },
      // Access tokens that others can verify: JWTs with an audience.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:orq-identify:example',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ audience, scope: '', accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
      },
    },
  })
  server.on('request', provider.callback())
  return { issuer, close: () => server.close() }
}
