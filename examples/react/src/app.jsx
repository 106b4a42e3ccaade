import { useIdentify, useOrq } from 'orq-identify/react'
import { useEffect, useState } from 'react'

/** What the client does with Jane's contact, step by step. */
const Outcome = () => {
  const orq = useOrq()
  const [kind, setKind] = useState('on its way')
  useEffect(() => orq.on('decision', (decision) => setKind(decision.kind)), [orq])
  return <output id="outcome">{kind}</output>
}

export const App = () => {
  const [plan, setPlan] = useState('pro')
  // Your session says who it is: null when nobody is signed in, { loading: true } beside it while you do not know. Here it
  // is always Jane.
  useIdentify({ externalId: 'user_1', displayName: 'Jane', email: 'jane@example.com', metadata: { plan } })
  return (
    <p>
      Signed in as Jane, on plan {plan}. Her contact: <Outcome />.{' '}
      <button type="button" onClick={() => setPlan('team')}>
        Upgrade
      </button>
    </p>
  )
}
