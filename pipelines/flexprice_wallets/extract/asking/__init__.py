"""Asking the API: calls go in, and what became of each comes out, in the order in which they are done.

In:  a `Call` (`extract.calls`), a decoder of the body of a 200, and whom to deliver to: `Api.submit`; or many calls at
     once (`Api.answers`), or one before all others (`Api.ask`).
Out: an `Answered`, once for each call: records, "no such thing", a refused key, a failure, or a mistake of the program.

    api        workers: take an attempt, make it, deliver what came or put the call off; how the API is opened
    line       which call is next, and when: order, pace, pauses
    limit      how many may be under way at once, found by how long answers take (pure)
    backoff    when to ask again, and when to give up (pure)
    outcomes   what a status and a body mean (pure)
    client     one attempt by `requests`: what is sent, how much of an answer is read, why none came
    transport  the adapter of `requests`: everything that is asked of the insides of requests, urllib3 and http.client
"""
