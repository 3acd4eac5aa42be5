"""Says what a request may hold, and is the one way to read it.

`parsing.parse` checks a JSON body against a request schema and `parsing.parse_fields` the fields of a query string or a
form; both raise `InvalidRequest` in the API's wording. Schemas bear the reference's names. Each module holds those of
some routes: a cold start imports those of the routes that are asked for. `responses` describes what we answer: handlers
do not import it, the API description and the tests do.
"""
