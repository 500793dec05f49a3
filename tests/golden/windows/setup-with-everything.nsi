!define DOLLAR "$$"
Target x86-unicode
ManifestDPIAware true
ManifestLongPathAware true
RequestExecutionLevel admin
CRCCheck force
SetCompressor lzma
SetDateSave off
Name "a.b c'd$\"e" "a.b c'd$\"e"
OutFile "built.exe"
BrandingText "Bücher && Söhne ${DOLLAR}5"
ShowInstDetails nevershow
ShowUninstDetails nevershow
VIProductVersion "1.2.3.0"
VIAddVersionKey /LANG=1033 "ProductName" "a.b c'd$\"e"
VIAddVersionKey /LANG=1033 "ProductVersion" "1.2.3"
VIAddVersionKey /LANG=1033 "FileDescription" "a.b c'd$\"e Setup"
VIAddVersionKey /LANG=1033 "FileVersion" "1.2.3.0"
VIAddVersionKey /LANG=1033 "CompanyName" "Bücher & Söhne ${DOLLAR}5"
VIAddVersionKey /LANG=1033 "LegalCopyright" "Bücher & Söhne ${DOLLAR}5"
!uninstfinalize "cp -- $\"%1$\" $\"uninstaller.exe$\""

!define APP_IDENTIFIER "dev.example.notes"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\dev.example.notes"
!define WEBVIEW2_KEY "SOFTWARE\Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
!define WEBVIEW2_PAGE "https://go.microsoft.com/fwlink/p/?LinkId=2124703"
!define PAYLOAD "payload.exe"
!define FILE_LIST "app.files"
!define INSTALLED_MB "233"
!define WEBVIEW2_SETUP "webview2.exe"
!define FOR_MACHINE
!define ASK_DESKTOP
!include "LogicLib.nsh"
!include "FileFunc.nsh"
!include "TextFunc.nsh"
!include "WinVer.nsh"
!include "x64.nsh"
!include "Sections.nsh"
!insertmacro TrimNewLines
!insertmacro un.TrimNewLines

!include "MUI2.nsh"
!define MUI_ICON "setup.ico"
!define MUI_UNICON "setup.ico"
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_LICENSE "license.txt"
!define MUI_COMPONENTSPAGE_NODESC
!insertmacro MUI_PAGE_COMPONENTS
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipIfInstalled
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_FUNCTION RunApp
!insertmacro MUI_PAGE_FINISH
!define MUI_COMPONENTSPAGE_TEXT_TOP $(^UninstallingText)
!insertmacro MUI_UNPAGE_COMPONENTS
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

!macro SetNames
  StrCpy $DISPLAY_NAME "a.b c'd$\"e"
  StrCpy $LINK_NAME "a.b c'd-e"
!macroend
Function SetDefaultFolder
  StrCpy $INSTDIR "$PROGRAMFILES64\a.b c'd-e"
FunctionEnd

!include "common.nsh"
!insertmacro DefineShared ""
!insertmacro DefineShared "un."

Function Register
  SetOutPath "$INSTDIR\app\bin"
  CreateShortcut "$SMPROGRAMS\$LINK_NAME.lnk" "$INSTDIR\app\bin\launcher.exe" "--own $\"a \$\"b\$\"$\"" "$INSTDIR\app\Resources\app.ico" 0 SW_SHOWNORMAL "" "Keeps notes"
  SetOutPath "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayName" "a.b c'd$\"e"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayVersion" "1.2.3"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "Publisher" "Bücher & Söhne ${DOLLAR}5"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "Comments" "Keeps notes"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\app\Resources\app.ico"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "UninstallString" "$\"$INSTDIR\Uninstall.exe$\""
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "QuietUninstallString" "$\"$INSTDIR\Uninstall.exe$\" /S"
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "EstimatedSize" 227540
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "VersionMajor" 1
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "VersionMinor" 2
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoRepair" 1
  WriteRegStr SHCTX "Software\Classes\notes" "" "URL:a.b c'd$\"e"
  WriteRegStr SHCTX "Software\Classes\notes" "URL Protocol" ""
  WriteRegStr SHCTX "Software\Classes\notes\DefaultIcon" "" "$INSTDIR\app\Resources\app.ico"
  WriteRegStr SHCTX "Software\Classes\notes\shell\open\command" "" "$\"$INSTDIR\app\bin\launcher.exe$\" --own $\"a \$\"b\$\"$\" $\"%1$\""
  WriteRegStr SHCTX "Software\Classes\dev.example.notes.note" "" "Nöte"
  WriteRegStr SHCTX "Software\Classes\dev.example.notes.note\DefaultIcon" "" "$INSTDIR\app\Resources\app.ico"
  WriteRegStr SHCTX "Software\Classes\dev.example.notes.note\shell\open\command" "" "$\"$INSTDIR\app\bin\launcher.exe$\" --own $\"a \$\"b\$\"$\" $\"%1$\""
  WriteRegNone SHCTX "Software\Classes\.note\OpenWithProgids" "dev.example.notes.note"
  ReadRegStr $0 SHCTX "Software\Classes\.note" ""
  ${If} $0 == ""
    WriteRegStr SHCTX "Software\Classes\.note" "" "dev.example.notes.note"
  ${EndIf}
FunctionEnd
Function LinkOnDesktop
  SetOutPath "$INSTDIR\app\bin"
  CreateShortcut "$DESKTOP\$LINK_NAME.lnk" "$INSTDIR\app\bin\launcher.exe" "--own $\"a \$\"b\$\"$\"" "$INSTDIR\app\Resources\app.ico" 0 SW_SHOWNORMAL "" "Keeps notes"
  SetOutPath "$INSTDIR"
FunctionEnd
Function un.Unregister
  Delete "$SMPROGRAMS\$LINK_NAME.lnk"
  Delete "$DESKTOP\$LINK_NAME.lnk"
  ReadRegStr $0 SHCTX "Software\Classes\notes\shell\open\command" ""
  StrCpy $1 "$\"$INSTDIR\app\bin\launcher.exe$\" --own $\"a \$\"b\$\"$\" $\"%1$\""
  ${If} $0 == $1
    DeleteRegKey SHCTX "Software\Classes\notes"
  ${EndIf}
  DeleteRegKey SHCTX "Software\Classes\dev.example.notes.note"
  DeleteRegValue SHCTX "Software\Classes\.note\OpenWithProgids" "dev.example.notes.note"
  DeleteRegKey /ifempty SHCTX "Software\Classes\.note\OpenWithProgids"
  ReadRegStr $0 SHCTX "Software\Classes\.note" ""
  ${If} $0 == "dev.example.notes.note"
    DeleteRegValue SHCTX "Software\Classes\.note" ""
  ${EndIf}
  DeleteRegKey /ifempty SHCTX "Software\Classes\.note"
  DeleteRegKey SHCTX "${UNINSTALL_KEY}"
FunctionEnd

!include "install.nsh"
!include "uninstall.nsh"
