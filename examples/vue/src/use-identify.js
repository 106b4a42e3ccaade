import { orq } from 'orq-identify'
import { ref, watch } from 'vue'

/** Tells Orq who is signed in, null while nobody is. @returns what came of it, undefined until that is known */
export const useIdentify = (user) => {
  const status = ref()
  watch(
    user,
    async (person, _, onCleanup) => {
      let isGone = false
      onCleanup(() => {
        isGone = true
      })
      if (!person) return orq.reset()
      const outcome = await orq.identify(person)
      if (!isGone) status.value = outcome.status
    },
    { immediate: true },
  )
  return status
}
