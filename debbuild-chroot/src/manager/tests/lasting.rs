//! Sessions that last, of a manager's chroots.

use super::*;
use crate::gateway::GatewayOptions;

#[tokio::test]
async fn a_chroot_with_a_session_that_lasts_stays_until_it_is_ended() {
    let place = place().await;
    let (cx, manager) = (&place.cx, &place.manager);
    let chroot = place.create().await.unwrap();
    let options = SessionOptions::new().with_gateway(Some(GatewayOptions::new(chroot.archives().unwrap())));
    let text = manager.begin(cx, &chroot, &options).await.unwrap().to_string();
    let session = manager.session(&text[..12]).unwrap();
    assert_eq!((session.id.to_string(), session.chroot, session.archives), (text.clone(), chroot.id, true));
    assert_eq!(manager.session(&text[..11]).unwrap_err().class(), Class::NotFound);
    assert_eq!(manager.remove(cx, chroot.id).await.unwrap_err().class(), Class::Conflict);

    let mut open = manager.attach(cx, &session).await.unwrap();
    open.snapshot(cx, "one").await.unwrap();
    assert_eq!(manager.end(cx, &session).await.unwrap_err().class(), Class::Conflict);
    open.close(cx).await.unwrap();
    assert_eq!(manager.session(&text).unwrap().snapshots, ["one"]);
    manager.end(cx, &session).await.unwrap();
    let gone = manager.session(&text).unwrap_err();
    assert_eq!((gone.class(), gone.hint().as_deref()), (Class::NotFound, Some("debbuild chroot sessions")));
    manager.remove(cx, chroot.id).await.unwrap();
}
