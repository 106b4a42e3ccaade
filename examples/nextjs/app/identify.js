'use client'

import { OrqProvider, useIdentify, useOrq } from 'orq-identify/react'
import { useEffect, useState } from 'react'

const Follow = ({ user }) => {
  const orq = useOrq()
  const [kind, setKind] = useState('on its way')
  useEffect(() => orq.on('decision', (decision) => setKind(decision.kind)), [orq])
  useIdentify(user)
  return <output id="outcome">{kind}</output>
}

/** Tells Orq who is signed in, null when nobody is: then the previous user is forgotten. Shows what comes of it. */
export const Identify = ({ user }) => (
  <OrqProvider proxyUrl="/orq" tokenUrl="/token">
    <Follow user={user} />
  </OrqProvider>
)
