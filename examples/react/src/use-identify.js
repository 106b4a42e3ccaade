import { orq } from 'orq-identify'
import { useEffect, useState } from 'react'

/** Tells Orq who is signed in, null while nobody is. @returns what came of it, undefined until that is known */
export const useIdentify = (user) => {
  const [status, setStatus] = useState()
  useEffect(() => {
    let isGone = false
    if (user) orq.identify(user).then((outcome) => isGone || setStatus(outcome.status))
    else orq.reset()
    return () => {
      isGone = true
    }
  }, [user])
  return status
}
