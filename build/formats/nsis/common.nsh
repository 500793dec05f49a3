; What installer and uninstaller share; nsis-script.ts writes the script that includes this.
; Follows the NSIS 3 manual. $UN is "" or "un.": NSIS keeps their functions apart.
;
; The folder of an installation:
;   app\            the app's tree and nothing else; replaced as a whole, by renaming
;   app.files       one line for each file of it, then its folders, deepest first, each with a "\" at its end
;   Uninstall.exe
;   app.new, app.old*   being made, being replaced
;
; Exit codes, silent or not:
!define DONE 0
!define CANCELLED 1        ; by the user
!define DAMAGED 2          ; this file is not what was published (NSIS's own check, or the payload's)
!define APP_RUNS 3         ; and did not end in time
!define NOT_WRITTEN 4      ; no space, no permission
!define NOT_REPLACED 5     ; the old version is back in its place
!define NO_WEBVIEW2 6      ; the WebView2 Runtime is missing
!define OLD_WINDOWS 7      ; before Windows 10, or not 64-bit
!define SETUP_RUNS 8       ; another setup of this app is at work
!define NOT_OURS 9         ; the folder's "app" was not made by this setup
!define NOT_ADMIN 10       ; for all users, and this user may not

Var DISPLAY_NAME
Var LINK_NAME ; of links, without ".lnk"
Var PATIENCE_MS
Var REPLY

; Says why on a console that called us, or in a box where somebody looks, and ends.
!macro Fail CODE TEXT
  ${If} ${Silent}
    System::Call 'kernel32::AttachConsole(i -1)'
    System::Call 'kernel32::GetStdHandle(i -12) p.r9'
    FileWrite $9 "${TEXT}$\r$\n"
  ${Else}
    MessageBox MB_OK|MB_ICONSTOP "${TEXT}"
  ${EndIf}
  SetErrorLevel ${CODE}
  Quit
!macroend
!define Fail "!insertmacro Fail"

!macro DefineShared UN

; The surroundings that every section relies on.
Function ${UN}Prepare
  SetRegView 64
  !ifdef FOR_MACHINE
    SetShellVarContext all
  !else
    SetShellVarContext current
  !endif
  !insertmacro SetNames

  ; One at a time: the kernel drops the mutex with this process.
  System::Call 'kernel32::CreateMutexW(p 0, i 1, w "${APP_IDENTIFIER}.setup") p.r1 ?e'
  Pop $0
  ${If} $0 = 183 ; ERROR_ALREADY_EXISTS
    ${Fail} ${SETUP_RUNS} "Another setup of $DISPLAY_NAME is at work. Let it finish, then start this one again."
  ${EndIf}

  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/WAIT=" $1
  ${If} ${Errors}
    StrCpy $1 30
  ${EndIf}
  IntOp $PATIENCE_MS $1 * 1000
FunctionEnd

; $REPLY = 1 if a program of the installed app runs: Windows lets nobody write to it then.
Function ${UN}LookWhetherAppRuns
  StrCpy $REPLY 0
  ClearErrors
  FileOpen $1 "$INSTDIR\app.files" r
  ${If} ${Errors}
    Return
  ${EndIf}
  ${Do}
    ClearErrors
    FileReadUTF16LE $1 $2
    ${If} ${Errors}
      ${Break}
    ${EndIf}
    ${TrimNewLines} $2 $2
    StrCpy $3 $2 "" -4
    ${If} $3 == ".exe"
      System::Call 'kernel32::CreateFileW(w "\\?\$INSTDIR\app\$2", i 0x40000000, i 7, p 0, i 3, i 0, p 0) i.r4 ?e'
      Pop $5
      ${If} $4 <> -1
        System::Call 'kernel32::CloseHandle(i r4)'
      ${ElseIf} $5 = 32 ; ERROR_SHARING_VIOLATION
        StrCpy $REPLY 1
        ${Break}
      ${EndIf}
    ${EndIf}
  ${Loop}
  FileClose $1
FunctionEnd

; Returns when no program of the app runs, with $REPLY = 0; or with 1 when patience or the user's has ended.
Function ${UN}WaitUntilAppEnds
  StrCpy $6 $PATIENCE_MS
  ${Do}
    Call ${UN}LookWhetherAppRuns
    ${If} $REPLY = 0
      Return
    ${EndIf}
    ${If} ${Silent}
      ${If} $6 <= 0
        Return
      ${EndIf}
      Sleep 250
      IntOp $6 $6 - 250
    ${Else}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION \
        "$DISPLAY_NAME is running. Close it, then choose Retry." IDRETRY +2
      Return
    ${EndIf}
  ${Loop}
FunctionEnd

; Deletes the files that the list $7 names below the folder $8, then its folders where nothing else is in them.
Function ${UN}RemoveListed
  ClearErrors
  FileOpen $1 $7 r
  ${If} ${Errors}
    Return
  ${EndIf}
  ${Do}
    ClearErrors
    FileReadUTF16LE $1 $2
    ${If} ${Errors}
      ${Break}
    ${EndIf}
    ${TrimNewLines} $2 $2
    ${If} $2 != ""
      StrCpy $3 $2 1 -1
      ${If} $3 == "\"
        System::Call 'kernel32::RemoveDirectoryW(w "\\?\$8\$2")'
      ${Else}
        System::Call 'kernel32::SetFileAttributesW(w "\\?\$8\$2", i 0x80)'
        System::Call 'kernel32::DeleteFileW(w "\\?\$8\$2")'
      ${EndIf}
    ${EndIf}
  ${Loop}
  FileClose $1
  System::Call 'kernel32::RemoveDirectoryW(w "\\?\$8")'
FunctionEnd

; Lets Explorer know that links and file types have changed.
Function ${UN}TellExplorer
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
FunctionEnd

!macroend
