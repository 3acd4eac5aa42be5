"""`/v1/vector_stores`, without what is below `/files` and `/file_batches`."""

from answers import deleted, listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import vector_search, vector_stores
from assistant_engine.schemas.parameters import ListParameters
from assistant_engine.schemas.vector_stores import (
    CreateVectorStoreRequest,
    UpdateVectorStoreRequest,
    VectorStoreSearchRequest,
)
from routes import Request, Routes

routes = Routes("Vector stores")

_ALL, _ONE = "/vector_stores", "/vector_stores/{vector_store_id}"


@routes.post(
    _ALL,
    "createVectorStore",
    "Create a vector store",
    body=CreateVectorStoreRequest,
    answer="VectorStoreObject",
    creates="vector_store",
)
def create(request: Request) -> Json:
    return vector_stores.create(request.store, request.body, request.now_ms, request.idempotency)


@routes.get(_ALL, "listVectorStores", "List vector stores", query=ListParameters, answer="ListVectorStoresResponse")
def list_(request: Request) -> Json:
    return listing(request.store.vector_stores.page(window(request.query)))


@routes.get(_ONE, "getVectorStore", "Retrieve a vector store", answer="VectorStoreObject")
def retrieve(request: Request, vector_store_id: str) -> Json:
    return request.store.vector_stores.get(vector_store_id)


@routes.post(
    _ONE, "modifyVectorStore", "Modify a vector store", body=UpdateVectorStoreRequest, answer="VectorStoreObject"
)
def modify(request: Request, vector_store_id: str) -> Json:
    blank: Json = {"name": "", "metadata": {}}
    changes = {name: blank.get(name) if value is None else value for name, value in request.body.items()}
    return request.store.vector_stores.update(vector_store_id, changes)


@routes.delete(_ONE, "deleteVectorStore", "Delete a vector store", answer="DeleteVectorStoreResponse")
def delete(request: Request, vector_store_id: str) -> Json:
    vector_stores.delete(request.store, vector_store_id)
    return deleted("vector_store", vector_store_id)


@routes.post(
    f"{_ONE}/search",
    "searchVectorStore",
    "Search a vector store",
    body=VectorStoreSearchRequest,
    answer="VectorStoreSearchResultsPage",
)
def search(request: Request, vector_store: Json) -> Json:
    return vector_search.search(request.store, vector_store, request.body)
