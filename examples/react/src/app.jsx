import { useMemo, useState } from 'react'
import { useIdentify } from './use-identify.js'

export const App = () => {
  const [plan, setPlan] = useState('pro')
  // The same object as long as nothing has changed. Your session says who it is; here it is always Jane.
  const user = useMemo(
    () => ({ externalId: 'user_1', displayName: 'Jane', email: 'jane@example.com', metadata: { plan } }),
    [plan],
  )
  const status = useIdentify(user)
  return (
    <p>
      Signed in as Jane, on plan {plan}. Her contact: <output id="outcome">{status ?? 'on its way'}</output>.{' '}
      <button type="button" onClick={() => setPlan('team')}>
        Upgrade
      </button>
    </p>
  )
}
