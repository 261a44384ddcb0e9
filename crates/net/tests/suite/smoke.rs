//! The shortest way through every room.

use netreq::Session;
use netreq_testserver::{OK, script};

#[tokio::test]
async fn a_get_goes_out_and_its_answer_comes_back() {
    let server = script()
        .connection(|peer| peer.expect_get("/1").reply(OK).expect_get("/2").reply(OK).expect_eof())
        .start();
    let session = Session::in_memory();

    for path in ["/1", "/2"] {
        let message = session.get(server.url(path)).await.unwrap();
        assert_eq!(message.status(), 200);
        message.bytes().await.unwrap();
    }

    drop(session);
    server.finished();
}
