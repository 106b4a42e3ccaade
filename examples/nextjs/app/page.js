import { Identify } from './identify.js'

/** Rendered on the server; who is signed in is known here. */
export default function Page() {
  const user = { externalId: 'user_1', displayName: 'Jane', email: 'jane@example.com', metadata: { plan: 'pro' } }
  return (
    <p>
      Signed in as {user.displayName}. Her contact: <Identify user={user} />.
    </p>
  )
}
