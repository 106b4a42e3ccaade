// Authorization code with PKCE (RFC 7636): what your provider's own library does for you.
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))
const claimsOf = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')))

/** Leaves the page for the provider's, which leads back here. */
export const signIn = async ({ issuer, clientId }) => {
  const verifier = random()
  const state = random()
  sessionStorage.setItem('sign-in', JSON.stringify({ verifier, state }))
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))
  location.href = `${issuer}/auth?${new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: `${location.origin}/`,
    scope: 'openid',
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })}`
}

/** Whoever has just come back from the provider; undefined for anybody else. */
export const finishSignIn = async ({ issuer, clientId }) => {
  const { searchParams } = new URL(location.href)
  const begun = JSON.parse(sessionStorage.getItem('sign-in') ?? 'null')
  const code = searchParams.get('code')
  if (!code || searchParams.get('state') !== begun?.state) return undefined
  sessionStorage.removeItem('sign-in')
  history.replaceState(null, '', '/')
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: `${location.origin}/`,
      code,
      code_verifier: begun.verifier,
    }),
  })
  if (!answer.ok) throw new Error(`The provider answered ${answer.status}`)
  const { access_token: accessToken, id_token: idToken } = await answer.json()
  return { id: claimsOf(idToken).sub, accessToken }
}
