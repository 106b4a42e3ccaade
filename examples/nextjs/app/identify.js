'use client'

import { orq } from 'orq-identify'
import { useEffect, useState } from 'react'

/** Tells Orq who is signed in, and shows what came of it. */
export const Identify = ({ user }) => {
  const [status, setStatus] = useState('on its way')
  useEffect(() => {
    orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })
    orq.identify(user).then((outcome) => setStatus(outcome.status))
  }, [user])
  return <output id="outcome">{status}</output>
}
